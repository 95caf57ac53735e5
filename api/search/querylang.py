"""The query language of `q`: a text becomes a tree.

any   = all { "OR" all }
all   = one { [ "AND" ] one }
one   = ( "NOT" | "-" ) one | "(" any ")" | [ field ":" ] ( word [ "*" ] | '"' words '"' [ "*" ] )
"""

from functools import lru_cache

from .querytree import All, Any, Column, Node, Not, Stated, Words
from .queryvalues import HAS, earliest, size
from .querywords import Token, has_word, tokens, wrong

MAX_DEPTH = 20
#: Fewer letters begin too many words; of scripts without spaces one is a word.
MIN_PREFIX = 3
_COLUMNS: dict[str, Column] = {
    "from": "sender",
    "to": "recipients",
    "subject": "subject",
    "filename": "files",
}


@lru_cache(maxsize=64)
def parse(query: str) -> Node:
    """Raise RefusedError, saying what is wrong and at which character, for what is no query."""
    return _Parser(tokens(query)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0

    def whole(self) -> Node:
        if self._peek().kind == "end":
            raise wrong(1, "there is no word to look for")
        tree = self._any(0)
        if self._peek().kind != "end":
            raise wrong(self._peek().at, "this ) closes nothing")
        return tree

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _any(self, depth: int) -> Node:
        parts = [self._all(depth)]
        while self._peek().kind == "OR":
            self._take()
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self, depth: int) -> Node:
        parts = [self._one(depth)]
        while self._peek().kind not in ("OR", ")", "end"):
            if self._peek().kind == "AND":
                self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Node:
        token = self._take()
        if depth > MAX_DEPTH:
            raise wrong(token.at, f"at most {MAX_DEPTH} levels of parentheses and NOT")
        match token.kind:
            case "NOT":
                return Not(self._one(depth + 1))
            case "(":
                return self._inner(token, depth)
            case "field":
                return self._field(token)
            case "word" | "phrase":
                return _words(token)
        raise wrong(token.at, f"a word is missing {_before(token)}")

    def _inner(self, opened: Token, depth: int) -> Node:
        tree = self._any(depth + 1)
        if self._peek().kind != ")":
            raise wrong(opened.at, "this ( is not closed")
        self._take()
        return tree

    def _field(self, field: Token) -> Node:
        value = self._take()
        if value.kind not in ("word", "phrase", "AND", "OR") or value.at != field.at + len(
            f"{field.text}:"
        ):
            raise wrong(value.at, f"after {field.text}: comes a word or a phrase, without a space")
        if field.text in _COLUMNS:
            return _words(value, _COLUMNS[field.text])
        if value.prefix:
            raise wrong(value.at, f"{field.text}: takes no *")
        return _stated(field.text, value)


def _before(token: Token) -> str:
    return "at the end" if token.kind == "end" else f"before {token.text}"


def _words(token: Token, column: Column = "") -> Words:
    if not has_word(token.text):
        raise wrong(token.at, "there is no word to look for: it has no letter or digit")
    if token.prefix and len(token.text) < MIN_PREFIX and token.text.isascii():
        raise wrong(token.at, f"at least {MIN_PREFIX} letters stand before *")
    return Words(token.text, column, token.prefix)


def _stated(field: str, token: Token) -> Stated:
    match field:
        case "has":
            if token.text not in HAS:
                raise wrong(token.at, f"has: takes {' or '.join(HAS)}, not {token.text!r}")
            return Stated(field, token.text)
        case "before" | "after":
            time = earliest(token.text)
            if time is None:
                raise wrong(
                    token.at,
                    f"{field}: takes a year, month, date or time in ISO 8601, not {token.text!r}",
                )
            return Stated(field, time)
        case "larger" | "smaller":
            bytes_ = size(token.text)
            if bytes_ is None:
                raise wrong(
                    token.at, f"{field}: takes a number of bytes such as 500k or 2M, "
                    f"not {token.text!r}"
                )  # fmt: skip
            return Stated(field, bytes_)
    return Stated(field, token.text)
