"""Filters as fields of a form, which are nothing but parts of the query's own text."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flask import url_for

from postroom.errors import RefusedError

from ..queryvalues import earliest
from ..querywords import Token, tokens

FIELDS = ("mailbox", "folder", "after", "before", "has")
_DATES = frozenset({"after", "before"})
_PLAIN = re.compile(r'[^\s()"*]+')


class _Term(NamedTuple):
    """A field with its value, and where both stand in the text."""

    field: str
    value: str
    start: int
    end: int


def stated(query: str) -> dict[str, str]:
    """What a query says of each field, as the form shows it; of a query that is none, nothing."""
    try:
        found = list(_terms(query))
    except RefusedError:
        return {}
    return {term.field: _shown(term) for term in reversed(found)}


def with_fields(query: str, was: str, fields: Mapping[str, str]) -> str:
    """The query with what was changed in the fields since they were shown for the query `was`.

    So whoever changes the text is not overruled by fields that still say what it said before.
    """
    before = stated(was)
    for name in FIELDS:
        value = fields.get(name, "").strip()
        if name in fields and value != before.get(name, ""):
            query = _with(query, name, value)
    return query


def term(field: str, value: str) -> str:
    """A field with a value, as a query has it."""
    return f"{field}:{value}" if _PLAIN.fullmatch(value) else f'{field}:"{value}"'


def can_say(value: str) -> bool:
    """Whether a query can name it: there is no way to put a quotation mark into one."""
    return bool(value) and '"' not in value


def found_by(field: str, value: str) -> str:
    """Address of the list of mails with that; "" where a query cannot name it."""
    return url_for("mail_pages.listed", q=term(field, value)) if can_say(value) else ""


def _shown(term: _Term) -> str:
    time = earliest(term.value) if term.field in _DATES else None
    return time[:10] if time else term.value


def _with(query: str, field: str, value: str) -> str:
    try:
        bare = _without(query, field)
        if value and _is_any(tokens(bare)):
            bare = f"({bare})"
    except RefusedError:
        # What is wrong with the text is told; the field is not forgotten over it.
        bare = query
    return f"{bare} {term(field, value)}".strip() if value else bare


def _without(query: str, field: str) -> str:
    """The query without what it says of a field by itself."""
    pieces, at = [], 0
    for each in _terms(query):
        if each.field == field:
            pieces.append(query[at : each.start].strip())
            at = each.end
    return " ".join(filter(None, (*pieces, query[at:].strip())))


def _is_any(found: list[Token]) -> bool:
    """Whether it is an OR as a whole."""
    depth = 0
    for token, before in zip(found, [None, *found], strict=False):
        depth += (token.kind == "(") - (token.kind == ")")
        if token.kind == "OR" and not depth and (before is None or before.kind != "field"):
            return True
    return False


def _terms(query: str) -> Iterator[_Term]:
    """Fields that hold for the query as a whole: in no parentheses, OR or NOT."""
    found = tokens(query)
    if _is_any(found):
        return
    depth = 0
    for at, token in enumerate(found[:-1]):
        depth += (token.kind == "(") - (token.kind == ")")
        before = found[at - 1] if at else None
        if token.kind != "field" or token.text not in FIELDS or depth:
            continue
        if before is None or before.kind != "NOT":
            yield _term(token, found[at + 1], before, found[min(at + 2, len(found) - 1)])


def _term(field: Token, value: Token, before: Token | None, after: Token) -> _Term:
    quotes = 2 if value.kind == "phrase" else 0
    start, end = field.at - 1, value.at - 1 + len(value.text) + quotes + value.prefix
    # An AND goes with what it joins.
    if before is not None and before.kind == "AND":
        start = before.at - 1
    elif after.kind == "AND":
        end = after.at - 1 + len("AND")
    return _Term(field.text, value.text, start, end)
