"""Mailboxes as their servers have them: what is held, what is wanted, what became of it."""
