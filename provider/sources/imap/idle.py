"""Waiting for news of the selected folder, by IDLE (RFC 2177) where the server has it."""

import select
import ssl
import threading
from typing import Any

from .client import Client

#: Seconds between two looks at the stop event.
TICK = 0.5
#: Servers may hang up after 29 minutes (RFC 2177), and what stands between us much earlier.
RENEW_SECONDS = 540.0


def wait(client: Client, seconds: float, stop: threading.Event) -> bool:
    """Wait in IDLE for at most `seconds`; True when the server told of more or fewer mails.

    IDLE is entered anew by each call, and no call is long: so no server gives up on us, and a
    dead connection is noticed by the time-out of the answer to DONE.
    """
    if _is_news(client.noop()[1]):
        return True
    client.idle()
    _until_readable(client.socket(), min(seconds, RENEW_SECONDS), stop)
    return _is_news(client.idle_done()[1])


def _until_readable(sock: Any, seconds: float, stop: threading.Event) -> None:
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    while seconds > 0 and not stop.is_set():
        if poller.poll(min(seconds, TICK) * 1000):
            return
        seconds -= TICK


def _is_news(answers: list[Any]) -> bool:
    return any(len(answer) > 1 and answer[1] == b"EXISTS" for answer in answers)
