"""The ids of the work in hand: each line of the log, and each call to the API, names them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IDS: ContextVar[dict[str, str] | None] = ContextVar("ids", default=None)


def ids() -> dict[str, str]:
    """Of the work that this thread has in hand."""
    return _IDS.get() or {}


@contextmanager
def within(**told: object) -> Iterator[None]:
    """Name the work by these ids, beside those that it has already."""
    token = _IDS.set({**ids(), **{name: str(value) for name, value in told.items()}})
    try:
        yield
    finally:
        _IDS.reset(token)
