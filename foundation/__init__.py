"""No business word lives here: database, clock, transactions, audit, forms, mail, files, scheduler."""
