"""Waiting for a condition, with a limit."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 60, what: str = "the condition") -> T:
    """Return the first true value of `condition()`; fail when none came in time."""
    end = time.monotonic() + seconds
    pause = 0.02
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}; last value: {value!r}")
        time.sleep(pause)
        # Who is asked has other work to do.
        pause = min(pause * 1.2, 0.2)
