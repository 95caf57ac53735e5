"""Parsers by name: each takes raw bytes and returns a record."""

#: Name -> "module:function", imported on first use.
PARSERS = {"mail": "master.parsers.mail:parse"}
