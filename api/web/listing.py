"""Lists by parts: the rows of one, and the address of the next."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from flask import request, url_for

from ..paging import encode

R = TypeVar("R")
#: Rows of one part.
SIZE = 50


class Part(NamedTuple):
    """A part of a list; `first` and `next` are addresses, or "" where there is none."""

    rows: Sequence[Any]
    first: str
    next: str


def part(rows: Sequence[R], key: Callable[[R], list[Any]], size: int = SIZE) -> Part:
    """What is shown of `rows`, which has one more than `size` when there is a next part."""
    shown = rows[:size]
    goes_on = len(rows) > size
    first = _address() if request.args.get("cursor") else ""
    return Part(shown, first, _address(cursor=encode(key(shown[-1]))) if goes_on else "")


def filters() -> dict[str, str]:
    """The filters that were filled in."""
    given = request.args.to_dict()
    return {name: text.strip() for name, text in given.items() if name != "cursor" and text.strip()}


def here() -> str:
    """The address of this part of the list."""
    cursor = request.args.get("cursor")
    return _address(cursor=cursor) if cursor else _address()


def _address(**more: str) -> str:
    # What was asked for is no argument of url_for, which knows a few of its own.
    path = url_for(request.endpoint or "", **(request.view_args or {}))
    asked = urlencode({**filters(), **more})
    return f"{path}?{asked}" if asked else path
