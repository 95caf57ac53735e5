"""waitress, stopped so that what is in hand is answered."""

import logging
import threading
import time
from typing import Any

from flask import Flask
from waitress.server import create_server

from postroom import daemon

from .bodies import MAX_BODY

log = logging.getLogger(__name__)
#: Seconds that requests in hand have to end.
DRAIN = 4.5


def serve(app: Flask, host: str, port: int, threads: int, stop: threading.Event) -> None:
    """Answer until `stop` is set, then finish what is in hand.

    Raises OSError when the port is taken.
    """
    server: Any = create_server(
        app,
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
    daemon.started()
    thread = threading.Thread(target=server.run, name="waitress", daemon=True)
    thread.start()
    log.info("API: listening on http://%s:%d", host, port)
    stop.wait()
    log.info("API: finishing what is in hand")
    # No new connections; the loop goes on so that answers in hand leave.
    server.del_channel()
    server.socket.close()
    _drain(server)


def _drain(server: Any) -> None:
    end = time.monotonic() + DRAIN
    while _is_busy(server) and time.monotonic() < end:
        time.sleep(0.02)


def _is_busy(server: Any) -> bool:
    dispatcher = server.task_dispatcher
    if dispatcher.queue or dispatcher.active_count:
        return True
    return any(channel.total_outbufs_len for channel in list(server.active_channels.values()))
