"""Lists by pages: a limit, an opaque cursor, never an offset."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from flask import request
from msgspec import Struct

from postroom.errors import RefusedError

from . import fields
from .answers import Page
from .contracts import MOST, USUAL
from .numbers import whole

R = TypeVar("R")


def limit() -> int:
    """The page's size that the request asks for."""
    text = request.args.get("limit", str(USUAL))
    size = whole(text, 1, MOST)
    if size is None:
        raise RefusedError(
            "bad_limit", f"limit must be a number from 1 to {MOST}, not {text[:40]!r}"
        )
    return size


def cursor(*kinds: type, name: str = "cursor") -> tuple[Any, ...] | None:
    """Where the last page ended, as values of these types; None at the beginning."""
    text = request.args.get(name)
    return decoded(text, *kinds) if text else None


def decoded(text: str, *kinds: type) -> tuple[Any, ...]:
    """What a cursor holds, as values of these types."""
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return msgspec.convert(values, tuple[kinds])  # type: ignore[valid-type]
    except (binascii.Error, ValueError, msgspec.MsgspecError) as e:
        raise RefusedError("bad_cursor", "take the cursor from next_cursor as it stands") from e


def page(
    rows: Sequence[R],
    size: int,
    show: Callable[[Sequence[R]], Sequence[Struct]],
    key: Callable[[R], list[Any]],
) -> Page[Any]:
    """The answer of a list; `rows` has one more than `size` when there is a next page."""
    part, names = rows[:size], fields.asked()
    more = len(rows) > size
    return Page(
        items=[fields.thin(each, names) for each in show(part)],
        next_cursor=encode(key(part[-1])) if more else None,
        has_more=more,
    )


def each(show: Callable[[R], Struct]) -> Callable[[Sequence[R]], Sequence[Struct]]:
    """Rows that are shown one by one."""
    return lambda rows: [show(row) for row in rows]


def encode(values: list[Any]) -> str:
    """The opaque text of a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()
