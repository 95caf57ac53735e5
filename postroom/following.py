"""The ids of the work in hand: each line of the log, and each call to the API, names them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex
from typing import Any, Final

#: By which a call to the API, and its answer, name the request that it belongs to.
HEADER: Final = "X-Request-Id"
#: The attribute of a line's record that holds what `told` was given.
TOLD: Final = "told"
# What a stranger sends gets into our log and back into a header.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_IDS: ContextVar[dict[str, Any] | None] = ContextVar("ids", default=None)


def ids() -> dict[str, Any]:
    """Of the work that this thread has in hand."""
    return _IDS.get() or {}


@contextmanager
def within(**told: str | int) -> Iterator[None]:
    """Name the work by these ids, beside those that it has already."""
    token = _IDS.set({**ids(), **told})
    try:
        yield
    finally:
        _IDS.reset(token)


def told(**ids_: Any) -> dict[str, Any]:
    """What one line names beside those: `log.info("...", extra=told(run=7))`.

    A function in place of a value is called when a format shows the ids, and only then.
    """
    return {TOLD: ids_}


def request_id(given: str) -> str:
    """The id that a caller gave, where it is one; else a new one."""
    return given if _ID.fullmatch(given) else token_hex(8)


def headers() -> dict[str, str]:
    """What a call to the API says of the work that it belongs to."""
    found = ids().get("request")
    return {HEADER: str(found)} if found else {}


def place(mailbox: str, folder: str, uidvalidity: int, key: object) -> str:
    """The one name of where a mail lies at its source, the same in every daemon's log."""
    return f"{mailbox}/{folder}/{uidvalidity}/{key}"
