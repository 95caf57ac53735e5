"""Waiting for news of the selected folder, by IDLE (RFC 2177) where the server has it."""

import select
import ssl
import threading
import time
from typing import Any, Self

from .. import wake
from .client import Client

#: Servers may hang up after 29 minutes (RFC 2177), and what stands between us much earlier; and by
#: the answer to DONE a dead connection is found out.
RENEW_SECONDS = 120.0


class Idle:
    """IDLE under way; it stays so over several waits, and no other command may come between."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._end = time.monotonic() + RENEW_SECONDS
        client.idle()

    @classmethod
    def begun(cls, client: Client) -> Self | None:
        """Enter IDLE, unless the server has told of news before it."""
        return None if _is_news(client.noop()[1]) else cls(client)

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait for at most `seconds`; True when the server said something or it is time to end."""
        end = min(time.monotonic() + seconds, self._end)
        return _readable(self._client.socket(), end, stop) or time.monotonic() >= self._end

    def done(self) -> bool:
        """Leave IDLE; True when the server told of more or fewer mails meanwhile."""
        return _is_news(self._client.idle_done()[1])


def _readable(sock: Any, end: float, stop: threading.Event) -> bool:
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    poller.register(wake.fileno(stop), select.POLLIN)
    left = max(0.0, end - time.monotonic())
    return any(fd == sock.fileno() for fd, _ in poller.poll(left * 1000))


def _is_news(answers: list[Any]) -> bool:
    return any(len(answer) > 1 and answer[1] == b"EXISTS" for answer in answers)
