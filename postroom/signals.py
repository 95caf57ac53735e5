"""SIGTERM and SIGINT: the first asks a daemon to finish, the second ends it at once."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

_NUMBERS = (signal.SIGTERM, signal.SIGINT)

#: Whether SIGINT is to end the process; takes the file descriptor that further signals come from.
Confirm = Callable[[int], bool]


def listen(stop: threading.Event, confirm: Confirm | None = None) -> None:
    """Make the first SIGTERM or SIGINT set `stop` and the second exit with 128 + its number.

    A SIGINT that `confirm` says no to does not count.
    A signal comes through a pipe to a thread of its own: setting an event inside a signal
    handler can deadlock with the wait that it interrupts, and a main thread that is stuck in C
    code would never run the handler at all. To be called in the main thread.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in _NUMBERS:
        signal.signal(number, _nothing)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_forget)
    threading.Thread(
        target=_watch, args=(reading, stop, confirm), name="signals", daemon=True
    ).start()


def _nothing(number: int, frame: object) -> None:
    """Only there so that the signal goes into the pipe instead of ending the process."""


def _block() -> None:
    """Before a fork: a signal to the child must not reach the pipe that it shares with us."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)


def _forget() -> None:
    """In a forked child: its signals are its own, and end it."""
    signal.set_wakeup_fd(-1)
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_DFL)
    _unblock()


def end_with_parent() -> None:
    """Be as after SIGTERM when standard input closes: whoever started us is gone, or lets us go."""
    threading.Thread(target=_await_parent, name="parent", daemon=True).start()


def _await_parent() -> None:
    # Unbuffered: a thread inside of a buffered read would break the interpreter's own end.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _watch(reading: int, stop: threading.Event, confirm: Confirm | None) -> None:
    number = _next(reading)
    while number == signal.SIGINT and confirm and not confirm(reading):
        number = _next(reading)
    log.info("stopping: finishing what is in hand; the same signal again ends at once")
    stop.set()
    os._exit(128 + _next(reading))


def _next(reading: int) -> int:
    while (number := os.read(reading, 1)[0]) not in _NUMBERS:
        pass
    return number
