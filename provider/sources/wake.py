"""A stop event that can be polled beside sockets: nobody has to look by the second."""

import os
import threading
from weakref import WeakKeyDictionary

_lock = threading.Lock()
_read_ends: "WeakKeyDictionary[threading.Event, int]" = WeakKeyDictionary()


def fileno(stop: threading.Event) -> int:
    """A descriptor that is readable as soon as `stop` is set; one for all who wait for it."""
    with _lock:
        if stop not in _read_ends:
            read, write = os.pipe()
            _read_ends[stop] = read
            threading.Thread(target=_watch, args=(stop, write), name="wake", daemon=True).start()
        return _read_ends[stop]


def _watch(stop: threading.Event, write: int) -> None:
    stop.wait()
    # The end of the pipe is what readers see; nothing is ever written.
    os.close(write)
