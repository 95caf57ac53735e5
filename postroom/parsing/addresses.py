"""Address lists as headers write them (RFC 5322, 3.4 and 4.4)."""

import re
from collections.abc import Callable, Iterator

from postroom.records import Address

#: Addresses of one header that are read.
MAX_ADDRESSES = 25_000

_PLAIN = r"[^\x00-\x20<>@\",:;()\\=]+@[^\x00-\x20<>@\",:;()\\=]+"
_WORD = r"[\w.+'/&!-]+"
#: What most headers hold; anything else goes the long way.
_USUAL = re.compile(rf"(?:({_WORD}(?: {_WORD})*+|) ?<({_PLAIN})>|({_PLAIN}))$", re.ASCII)
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"?'  # quoted
    r'|<(?:@[^<>:]*:)?(?:"[^"<>]*"|[^<>,;"])*+>?'  # angle, maybe with a route, maybe not closed
    r'|[(,;:)]|[^"<>(),;:]+|.',
    re.DOTALL,
)
_IN_COMMENT = re.compile(r"[()\\]")
_ESCAPE = re.compile(r"\\(.)")
_COMMENT = re.compile(r"\([^()]*\)")
_ROUTE = re.compile(r"^@[^:]*:")

Decode = Callable[[str], str]


def parse(value: str, decode: Decode, defects: set[str]) -> tuple[Address, ...]:
    """Return (name, address) pairs; groups are flattened, either half may be empty."""
    if (match := _USUAL.match(value)) and value.isascii():
        return (Address(match[1] or "", match[2] or match[3]),)
    found: list[Address] = []
    for tokens in _mailboxes(value):
        address = _address(tokens, decode)
        if not (address.name or address.address):
            continue
        if len(found) == MAX_ADDRESSES:
            defects.add("too_many_addresses")
            break
        found.append(address)
    return tuple(found)


def _mailboxes(value: str) -> Iterator[list[str]]:
    """Yield the tokens of one mailbox after the other; the name of a group is left out."""
    tokens: list[str] = []
    at = 0
    while match := _TOKEN.match(value, at):
        found, at = match[0], match.end()
        if found == "(":
            end = _comment_end(value, at)
            tokens.append("(" + value[at : end - 1])
            at = end
        elif found in {",", ";"}:
            yield tokens
            tokens = []
        elif found == ":" and not any("@" in word for word in tokens):
            tokens = []
        else:
            tokens.append(found)
    yield tokens


def _comment_end(value: str, at: int) -> int:
    """Return the place behind the comment whose "(" stands before `at`; comments nest."""
    depth = 1
    while depth and (match := _IN_COMMENT.search(value, at)):
        at = match.end() + (match[0] == "\\")
        depth += {"(": 1, ")": -1}.get(match[0], 0)
    return at if not depth else len(value) + 1


def _address(tokens: list[str], decode: Decode) -> Address:
    words: list[str] = []
    comments: list[str] = []
    angle = ""
    for token in tokens:
        if token[0] == "<":
            angle = angle or _in_angles(token)
        elif token[0] == "(":
            comments.append(_ESCAPE.sub(r"\1", token[1:]))
        else:
            words.append(token)
    text = "".join(words).strip()
    if not angle and "@" in text:
        name, address = _split_bare(text)
        return Address(_name(name, comments, decode), decode(address))
    return Address(_name(text, comments, decode), decode(angle))


def _in_angles(token: str) -> str:
    address = _ROUTE.sub("", token.strip("<> \t"))
    if "(" in address:
        address = _COMMENT.sub("", address)
    return address.removeprefix("mailto:")


def _split_bare(text: str) -> tuple[str, str]:
    """Part a name from an address that should stand in angles and does not."""
    words = text.split()
    with_at = [word for word in words if "@" in word]
    if '"' in text:  # a quoted local part
        return "", text
    if len(with_at) == 1 and len(words) > 1 and with_at[0].strip("@") == with_at[0]:
        return " ".join(word for word in words if word != with_at[0]), with_at[0]
    return "", "".join(words)


def _name(text: str, comments: list[str], decode: Decode) -> str:
    """Return the words of the name; comments stand behind them, or alone in their place."""
    if text and comments:
        return decode(f"{_unquoted(text)} ({') ('.join(comments)})")
    return decode(_unquoted(text) if text else " ".join(comments))


def _unquoted(text: str) -> str:
    if '"' not in text:
        return text
    return _ESCAPE.sub(r"\1", text.replace('\\"', "\0").replace('"', "").replace("\0", '"'))
