"""A query cut into words, phrases, signs, each with the place where it stands."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from postroom.errors import RefusedError

MAX_LENGTH = 1_000
MAX_TOKENS = 100

#: What may stand before a colon.
FIELDS = (
    "from",
    "to",
    "subject",
    "filename",
    "has",
    "mailbox",
    "folder",
    "before",
    "after",
    "larger",
    "smaller",
)

_SPACE = re.compile(r"\s+")
_FIELD = re.compile(r"([A-Za-z]+):(?!//)")
_END = re.compile(r'[\s()"]')
_OPERATORS = frozenset({"AND", "OR", "NOT"})


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a query."""

    #: word, phrase, field, AND, OR, NOT, ( , ) or end.
    kind: str
    text: str
    #: Where it begins; the first character is 1.
    at: int
    prefix: bool = False


def wrong(at: int, what: str) -> RefusedError:
    """A query that cannot be understood."""
    return RefusedError("bad_query", f"q, at character {at}: {what}")


def tokens(query: str) -> list[Token]:
    """Cut it; raises RefusedError for what is no piece of a query."""
    if len(query) > MAX_LENGTH:
        raise wrong(MAX_LENGTH + 1, f"a query has at most {MAX_LENGTH:,} characters")
    found: list[Token] = []
    for token in _tokens(query):
        # A sign between words ("Lunch - Friday & more") says nothing; as a value it is missed.
        if token.kind != "word" or has_word(token.text) or _is_value(found):
            found.append(token)
        if len(found) > MAX_TOKENS:
            raise wrong(token.at, f"a query has at most {MAX_TOKENS} words and signs")
    return [*found, Token("end", "", len(query) + 1)]


def _is_value(found: list[Token]) -> bool:
    return bool(found) and found[-1].kind in ("field", "NOT")


def has_word(text: str) -> bool:
    """Whether there is a letter or digit in it: all else separates words."""
    return any(unicodedata.category(each)[0] in "LN" for each in text)


def _tokens(query: str) -> Iterator[Token]:
    at = 0
    field = False
    while at < len(query):
        if space := _SPACE.match(query, at):
            at, field = space.end(), False
            continue
        token, end = _sign(query, at) or (None if field else _named(query, at)) or _word(query, at)
        field = token.kind == "field"
        yield token
        at = end


def _sign(query: str, at: int) -> tuple[Token, int] | None:
    sign = query[at]
    if sign in "()":
        return Token(sign, sign, at + 1), at + 1
    if sign == '"':
        return _phrase(query, at)
    if sign == "-" and query[at + 1 : at + 2].strip(" -)"):
        return Token("NOT", "-", at + 1), at + 1
    return None


def _phrase(query: str, at: int) -> tuple[Token, int]:
    end = query.find('"', at + 1)
    if end < 0:
        raise wrong(at + 1, "this quotation mark has no second one")
    prefix = query[end + 1 : end + 2] == "*"
    token = Token("phrase", query[at + 1 : end], at + 1, prefix)
    return token, end + 1 + prefix


def _named(query: str, at: int) -> tuple[Token, int] | None:
    name = _FIELD.match(query, at)
    if name is None:
        return None
    if name[1].lower() not in FIELDS:
        if not query[name.end() : name.end() + 1].strip():
            # "Re: lunch": a word that ends in a colon.
            return None
        raise wrong(
            at + 1,
            f"there is no field {name[1]!r}: take {', '.join(FIELDS)}, "
            f"or put it in quotation marks to look for the words",
        )
    return Token("field", name[1].lower(), at + 1), name.end()


def _word(query: str, at: int) -> tuple[Token, int]:
    stop = _END.search(query, at)
    end = stop.start() if stop else len(query)
    text = query[at:end]
    if text in _OPERATORS:
        return Token(text, text, at + 1), end
    star = text.find("*")
    if has_word(text) and 0 <= star < len(text) - 1:
        raise wrong(at + star + 1, "* stands at the end of a word only")
    return Token("word", text.rstrip("*"), at + 1, text.endswith("*")), end
