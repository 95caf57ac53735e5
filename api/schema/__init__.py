"""The schema's steps, and how a database is moved."""
