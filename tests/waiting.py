"""Waiting for a condition, with a limit."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 60, what: str = "the condition") -> T:
    """Return the first true value of `condition()`; fail when none came in time."""
    begun = time.monotonic()
    while True:
        if value := condition():
            return value
        waited = time.monotonic() - begun
        if waited > seconds:
            raise AssertionError(f"waited {seconds} s in vain for {what}; last value: {value!r}")
        # What takes long has work to do, which asking would hold up.
        time.sleep(0.02 if waited < 1 else 0.1)
