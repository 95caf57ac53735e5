"""Lists by pages: a limit, an opaque cursor, never an offset."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from flask import request

from postroom.errors import RefusedError

DEFAULT = 50
MOST = 500


def limit() -> int:
    """The page's size that the request asks for."""
    text = request.args.get("limit", str(DEFAULT))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise RefusedError("bad_limit", f"limit must be a number from 1 to {MOST}, not {text!r}")
    return int(text)


def cursor(*kinds: type, name: str = "cursor") -> tuple[Any, ...] | None:
    """Where the last page ended, as values of these types; None at the beginning."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return msgspec.convert(values, tuple[kinds])  # type: ignore[valid-type]
    except (binascii.Error, ValueError, msgspec.MsgspecError) as e:
        raise RefusedError("bad_cursor", "take the cursor from next_cursor as it stands") from e


def page(
    rows: Sequence[Any], size: int, show: Callable[[Any], Any], key: Callable[[Any], list[Any]]
) -> dict[str, Any]:
    """The answer of a list; `rows` has one more than `size` when there is a next page."""
    shown = rows[:size]
    more = len(rows) > size
    return {
        "items": [show(row) for row in shown],
        "next_cursor": encode(key(shown[-1])) if more else None,
        "has_more": more,
    }


def encode(values: list[Any]) -> str:
    """The opaque text of a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()
