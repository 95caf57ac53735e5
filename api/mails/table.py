"""Mails as a table that people open in a spreadsheet (CSV, RFC 4180)."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..rest.answers import ListedAttachment, PlaceOfMail

#: What spreadsheets take for the beginning of a formula, whoever wrote the mail.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}",
           "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH HYPHEN-MINUS}",
           "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip


class Row(NamedTuple):
    """What the cells of a mail are made from."""

    mail: Any
    attachments: Sequence[ListedAttachment]
    places: Sequence[PlaceOfMail]


def _people(kind: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        people = row.mail.record.get(kind, [])
        return _joined(f"{name} <{address}>" if name else address for name, address in people)

    return cell


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(texts)


COLUMNS: dict[str, Callable[[Row], str | int]] = {
    "id": lambda row: row.mail.id,
    "date": lambda row: row.mail.date,
    "from": _people("from"),
    "to": _people("to"),
    "cc": _people("cc"),
    "subject": lambda row: row.mail.subject,
    "attachments": lambda row: _joined(each.name for each in row.attachments),
    "places": lambda row: _joined(f"{each.mailbox}/{each.folder}" for each in row.places),
    "size": lambda row: row.mail.size,
    "state": lambda row: row.mail.state,
    "defects": lambda row: _joined(row.mail.defects),
    "message_id": lambda row: row.mail.message_id,
    "sha256": lambda row: row.mail.sha256,
}


def head(names: Sequence[str] | None) -> bytes:
    """The names of the columns."""
    return _written(names or list(COLUMNS))


def line(row: Row, names: Sequence[str] | None) -> bytes:
    """The cells of one mail."""
    return _written([_harmless(COLUMNS[name](row)) for name in names or COLUMNS])


def _harmless(cell: str | int) -> str | int:
    """No cell is a formula: an apostrophe before it makes it text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _written(cells: Iterable[str | int]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
