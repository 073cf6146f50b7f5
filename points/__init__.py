"""The ledger: points are posted and reversed, never edited."""
