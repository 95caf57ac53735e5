"""Connections that check each address, and end in time: however slowly a server drips."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from postroom.errors import SettingsError, SourceError, TemporaryError

from .addresses import Answer

#: Seconds between two looks at the stop event while a server says nothing.
_SLICE = 0.25
#: Bytes of headers, of all redirects and robots.txt together.
_HEADERS = 1024 * 1024


class Watch:
    """How long what is in hand may take, each silence in it, and how many bytes it may come to."""

    def __init__(self, stop: threading.Event, silence: float) -> None:
        self.silence = silence
        self._stop = stop
        self._what = ""
        self._seconds = self._end = 0.0
        self._bytes = 0

    def begin(self, what: str, seconds: float, most: int) -> None:
        """From now on; `most` bytes beside some for headers."""
        self._what, self._seconds = what, seconds
        self._end = time.monotonic() + seconds
        self._bytes = most + _HEADERS

    def extend(self, seconds: float) -> None:
        """What was waited out of courtesy does not count."""
        self._end += seconds

    def left(self) -> float:
        """Seconds; an error when there are none, or all is to end."""
        left = self._end - time.monotonic()
        if self._stop.is_set():
            raise TemporaryError("ended by the operator", 0.0)
        if left <= 0:
            raise TemporaryError(f"{self._what}: takes longer than {self._seconds:g} s")
        return left

    def receive(self, sock: socket.socket, once: Callable[[], int]) -> int:
        """Do `once` what receives, in slices of time."""
        silent = time.monotonic() + self.silence
        while True:
            sock.settimeout(min(self.left(), _SLICE))
            try:
                count = once()
            except TimeoutError:
                if time.monotonic() >= silent:
                    raise
            else:
                self._count(count)
                return count

    def _count(self, count: int) -> None:
        """Whatever a server puts its bytes into: lines, headers, pieces, more responses."""
        self._bytes -= count
        if self._bytes < 0:
            raise SourceError(f"{self._what}: more bytes come than it may have")


class PlainSocket(socket.socket):
    """Receives under a watch."""

    watch: Watch

    def recv_into(self, *args: Any) -> int:
        """As socket.socket's."""
        return self.watch.receive(self, lambda: socket.socket.recv_into(self, *args))


class TlsSocket(ssl.SSLSocket):
    """The same, encrypted."""

    watch: Watch | None = None

    def recv_into(self, *args: Any) -> int:
        """As ssl.SSLSocket's."""
        if self.watch is None:
            return ssl.SSLSocket.recv_into(self, *args)
        return self.watch.receive(self, lambda: ssl.SSLSocket.recv_into(self, *args))


@cache
def tls_context(ca_file: str) -> ssl.SSLContext:
    """Verifies certificate and host name; SettingsError for a bad CA file."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as e:
        raise SettingsError(f"ca_file = {ca_file}: no certificates can be read: {e}") from e
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TlsSocket
    return context


class Gate:
    """Where connections are made: to checked addresses, and to nothing else."""

    def __init__(self, resolved: Callable[[str, int], list[Answer]], watch: Watch) -> None:
        self.watch = watch
        self._resolved = resolved

    def connect(self, host: str, port: int) -> PlainSocket:
        """Connect to the first of the host's addresses that answers."""
        refused = OSError("the host has no address")
        for family, kind, protocol, _, address in self._resolved(host, port):
            sock = PlainSocket(family, kind, protocol)
            sock.watch = self.watch
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(min(self.watch.left(), self.watch.silence))
                sock.connect(address)
            except OSError as e:
                sock.close()
                refused = e
            except TemporaryError:
                sock.close()
                raise
            else:
                return sock
        raise refused


class _Plain(HTTPConnection):
    def __init__(self, gate: Gate, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gate = gate

    def _new_conn(self) -> socket.socket:
        return _connected(self._gate, self)


class _Tls(HTTPSConnection):
    def __init__(self, gate: Gate, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gate = gate

    def _new_conn(self) -> socket.socket:
        return _connected(self._gate, self)

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, TlsSocket):
            self.sock.watch = self._gate.watch


def _connected(gate: Gate, connection: HTTPConnection) -> socket.socket:
    try:
        return gate.connect(connection._dns_host, connection.port or 0)
    except OSError as e:
        raise NewConnectionError(connection, str(e)) from e


class Adapter(HTTPAdapter):
    """Has requests connect through a gate."""

    def __init__(self, gate: Gate, ca_file: str) -> None:
        self._gate = gate
        self._ca_file = ca_file
        super().__init__(pool_connections=8, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As HTTPAdapter's, with pools that make our connections."""
        super().init_poolmanager(*args, ssl_context=tls_context(self._ca_file), **kwargs)
        kinds = {"http": (HTTPConnectionPool, _Plain), "https": (HTTPSConnectionPool, _Tls)}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: partial(_pool, pool, partial(connection, self._gate))
            for scheme, (pool, connection) in kinds.items()
        }

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context knows whom to trust: requests' own bundle is not added to it."""
        conn.cert_reqs = "CERT_REQUIRED"


def _pool(
    kind: type[HTTPConnectionPool], connection: Any, *args: Any, **kwargs: Any
) -> HTTPConnectionPool:
    pool = kind(*args, **kwargs)
    pool.ConnectionCls = connection
    return pool
