"""Filters as fields of a form, which are nothing but parts of the query's own text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from flask import url_for

from postroom.errors import RefusedError

from ..search.queryvalues import earliest
from ..search.querywords import Token, tokens

FIELDS = ("mailbox", "folder", "after", "before", "has")
_DATES = frozenset({"after", "before"})
_PLAIN = re.compile(r'[^\s()"*]+')


class _Term(NamedTuple):
    """A field with its value, and as which of the tokens it stands there."""

    field: str
    value: str
    at: int


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
        if value and _is_any(_operated(bare)):
            bare = f"({bare})"
    except RefusedError:
        # What is wrong with the text is told; the field is not forgotten over it.
        bare = query
    return f"{bare} {term(field, value)}".strip() if value else bare


def _without(query: str, field: str) -> str:
    """The query without what it says of a field for all of it, and without an AND left over."""
    found = _operated(query)
    gone = {at for each in _terms(query) if each.field == field for at in (each.at, each.at + 1)}
    pieces: list[tuple[str, str]] = []
    for at, (token, after) in enumerate(pairwise(found)):
        if at not in gone and (token.kind != "AND" or (pieces and pieces[-1][0] != "AND")):
            pieces.append((token.kind, query[token.at - 1 : after.at - 1]))
    if pieces and pieces[-1][0] == "AND":
        pieces.pop()
    return "".join(text for _, text in pieces).strip()


def _terms(query: str) -> Iterator[_Term]:
    """Fields that hold for the query as a whole: in no parentheses, OR or NOT."""
    found = _operated(query)
    if _is_any(found):
        return
    depth, before = 0, ""
    for at, token in enumerate(found[:-1]):
        depth += (token.kind == "(") - (token.kind == ")")
        if token.kind == "field" and token.text in FIELDS and not depth and before != "NOT":
            yield _Term(token.text, found[at + 1].text, at)
        before = token.kind


def _is_any(found: list[Token]) -> bool:
    """Whether it is an OR as a whole."""
    depth = 0
    for token in found:
        depth += (token.kind == "(") - (token.kind == ")")
        if token.kind == "OR" and not depth:
            return True
    return False


def _operated(query: str) -> list[Token]:
    """Its tokens; an AND or OR that is a field's value is a word."""
    found = tokens(query)
    return [found[0]] + [
        replace(token, kind="word") if before.kind == "field" and token.kind != "end" else token
        for before, token in pairwise(found)
    ]
