"""Commands for a person and a mailbox: look into it, compare it with the store, clear it."""
