"""Lists by parts: the rows of one, and the address of the next."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from flask import request, url_for

from ..rest.paging import encode

R = TypeVar("R")
#: Rows of one part.
SIZE = 50


class Part(NamedTuple):
    """A part of a list; `first` and `next` are addresses, or "" where there is none."""

    rows: Sequence[Any]
    first: str
    next: str


def part(
    rows: Sequence[R], key: Callable[[R], list[Any]], size: int = SIZE, path: str = ""
) -> Part:
    """What is shown of `rows`, which has one more than `size` when there is a next part.

    The list stands at `path`: where that is empty, at the address that was asked for.
    """
    shown = rows[:size]
    goes_on = len(rows) > size
    # The filters come from outside: url_for would take some of them as words to itself.
    path = path or url_for(request.endpoint or "", **(request.view_args or {}))
    first = _address(path, filters()) if request.args.get("cursor") else ""
    after = {"cursor": encode(key(shown[-1]))} if goes_on else {}
    return Part(shown, first, _address(path, {**filters(), **after}) if goes_on else "")


def filters() -> dict[str, str]:
    """The filters that were filled in."""
    given = request.args.to_dict()
    return {name: text.strip() for name, text in given.items() if name != "cursor" and text.strip()}


def _address(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def here() -> str:
    """The address of this page, as far as it has one of ours."""
    path = url_for(request.endpoint or "", **(request.view_args or {}))
    return _address(path, request.args.to_dict())
