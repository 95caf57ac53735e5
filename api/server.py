"""waitress, stopped so that what is in hand is answered."""

import logging
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, create_server
from waitress.task import WSGITask

from postroom import daemon

from .rest.bodies import MAX_BODY
from .streams import KEEP_OPEN, Place

log = logging.getLogger(__name__)
#: Seconds that requests in hand have to end.
DRAIN = 4.5
#: Who takes nothing of an answer for so long is gone: it holds a thread.
STALLED_SECONDS = 300.0


class _Task(WSGITask):
    """A request; a stream of events leaves with a connection of its own once its head is sent."""

    _place: Place | None = None

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[KEEP_OPEN] = self._keep_open
        return environ

    def _keep_open(self, place: Place) -> None:
        self._place = place

    def service(self) -> None:
        try:
            super().service()
        finally:
            if self._place:
                self._place.leave()

    def finish(self) -> None:
        # A client that does not even take the head is told that this is all.
        if self._place is None or self.channel.total_outbufs_len:
            super().finish()
            return
        # waitress closes its own, the connection lives on.
        connection = self.channel.socket.dup()
        place, self._place = self._place, None
        place.fill(connection, chunked=self.chunked_response)


class _Channel(HTTPChannel):
    """A connection; one whose client stopped reading is closed."""

    task_class = _Task
    _pending_since = math.inf

    def writable(self) -> bool:
        if self._is_stalled():
            log.info("API: %s took nothing of its answer for long", self.addr[0])
            # The loop asks this before it waits: a socket that takes nothing would never wake it.
            self.handle_close()
            return False
        return bool(super().writable())

    def _is_stalled(self) -> bool:
        now = time.time()
        if not self.total_outbufs_len:
            self._pending_since = now
        return bool(now - max(self._pending_since, self.last_activity) > STALLED_SECONDS)


def serve(app: Flask, host: str, port: int, threads: int, stop: threading.Event) -> None:
    """Answer until `stop` is set, then finish what is in hand.

    Raises OSError when the port is taken.
    """
    listening: dict[int, Any] = {}
    server: Any = create_server(
        app,
        map=listening,
        host=host,
        port=port,
        threads=threads,
        # A little more, so that Flask is the one to refuse, in its own words.
        max_request_body_size=MAX_BODY + 2**20,
        # A batch of mails is read whole into memory anyway; a temporary file costs a copy.
        inbuf_overflow=MAX_BODY,
        # The default of 8 kB a read would go through the loop a hundred times a batch.
        recv_bytes=256 * 1024,
        channel_timeout=60,
        ident="postroom",
        clear_untrusted_proxy_headers=False,
    )
    # A name may stand for several addresses.
    servers = [each for each in listening.values() if isinstance(each, TcpWSGIServer)]
    for each in servers:
        each.channel_class = _Channel
    daemon.started()
    thread = threading.Thread(target=server.run, name="waitress", daemon=True)
    thread.start()
    log.info("API: listening on http://%s:%d", host, port)
    stop.wait()
    log.info("API: finishing what is in hand")
    # No new connections; the loop goes on so that answers in hand leave.
    for each in servers:
        _stop_listening(each)
    app.config["STREAMS"].close()
    _drain(servers)


def _stop_listening(server: Any) -> None:
    """Let the loop close its socket: closed by another thread while it waits, it ends the loop."""
    closed = threading.Event()

    def close() -> None:
        server.del_channel()
        server.socket.close()
        closed.set()

    server.trigger.pull_trigger(close)
    closed.wait(DRAIN)


def _drain(servers: Sequence[Any]) -> None:
    end = time.monotonic() + DRAIN
    while any(map(_is_busy, servers)) and time.monotonic() < end:
        time.sleep(0.02)


def _is_busy(server: Any) -> bool:
    dispatcher = server.task_dispatcher
    if dispatcher.queue or dispatcher.active_count:
        return True
    return any(channel.total_outbufs_len for channel in list(server.active_channels.values()))
