"""Copies of all that is kept, and how they are put in place."""
