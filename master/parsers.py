"""Parsers by name: each takes raw bytes and returns a record."""

#: Name -> "module:function", imported on first use.
PARSERS = {"mail": "postroom.parsing.mail:parse"}

#: Told with each record. Raise it with every change by which some mail is read otherwise: then
#: `python -m master reparse` reads again what an earlier version read.
PARSER_VERSION = 4
