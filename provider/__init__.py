"""Reads mailboxes and pushes what the store lacks; keeps no state of its own."""
