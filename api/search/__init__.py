"""The query language, and the index of words of each database."""
