"""SIGTERM and SIGINT: the first asks a daemon to finish, the second ends it at once."""

import logging
import os
import signal
import threading

log = logging.getLogger(__name__)

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


def listen(stop: threading.Event) -> None:
    """Make the first SIGTERM or SIGINT set `stop` and the second exit with 128 + its number.

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
    threading.Thread(target=_watch, args=(reading, stop), name="signals", daemon=True).start()


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


def _watch(reading: int, stop: threading.Event) -> None:
    _next(reading)
    log.info("stopping: finishing what is in hand; the same signal again ends at once")
    stop.set()
    os._exit(128 + _next(reading))


def _next(reading: int) -> int:
    while (number := os.read(reading, 1)[0]) not in _NUMBERS:
        pass
    return number
