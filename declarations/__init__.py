"""Sales told by people: submitting, reviewing, correcting; the one place where a sale becomes points."""
