"""An IMAP server inside this process, by pymap; an optional library: importing this may fail."""

import asyncio
import threading
from argparse import Namespace
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, Self, cast

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.mailbox import MailboxData
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import BuiltinHash

HOST = "127.0.0.1"
SECONDS = 10.0
#: Bytes of one answer that wait for the rest of it.
HELD = 256 * 1024


class _WholeLines:
    """Sends an answer at once: pymap writes it in pieces, and clients trip over half a line."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._held = bytearray()

    def write(self, piece: bytes) -> None:
        self._held += piece
        if len(self._held) > HELD:
            self._flush()

    def writelines(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.write(piece)

    async def drain(self) -> None:
        self._flush()
        await self._writer.drain()

    def _flush(self) -> None:
        self._writer.write(bytes(self._held))
        self._held.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


def whole_lines(writer: asyncio.StreamWriter) -> asyncio.StreamWriter:
    """The writer, made to send whole answers."""
    return cast("asyncio.StreamWriter", _WholeLines(writer))


class DemoImap:
    """One user with an INBOX in memory, on a free port, without TLS."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self.password = password
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="demo-imap", daemon=True
        )

    def start(self) -> Self:
        """Return when the port is open; raise whatever pymap raises."""
        self._thread.start()
        try:
            self._wait(self._open())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Cut all connections and end."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    def append(self, raw: bytes) -> None:
        """Put a mail into INBOX byte for byte; idling clients are told."""
        self._wait(self._append(raw))

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def _append(self, raw: bytes) -> None:
        inbox = await self._inbox()
        await inbox.append(AppendMessage(raw, datetime.now(UTC), frozenset()))

    async def _inbox(self) -> MailboxData:
        async with self._identity.new_session() as session:
            return await session.mailbox_set.get_mailbox("INBOX")

    async def _number_from_one(self) -> None:
        # pymap begins with UID 101 and reads the numbers in UID SEARCH as UIDs, where RFC 3501,
        # 6.4.8, has sequence numbers; while nothing is expunged, both are now the same.
        (await self._inbox())._max_uid = 0

    async def _open(self) -> None:
        config = self._config()
        config.apply_context()
        await self._register(config)
        await self._number_from_one()
        proxy = ProxyProtocolReader(config.proxy_protocol)
        serve = proxy.get_callback(IMAPServer(self._identity.login, config))
        server = await asyncio.start_server(lambda r, w: serve(r, whole_lines(w)), HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._server = server

    async def _close(self) -> None:
        if self.port:
            self._server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _config(self) -> Config:
        nothing = ("passlib_cfg", "proxy_protocol", "host", "cert", "key")
        told = Namespace(**dict.fromkeys(nothing), debug=False, tls=False, port=0)
        return Config(
            told,
            host=None,
            port=0,
            tls_enabled=False,
            secure_auth=False,
            demo_data=False,
            demo_user=self.user,
            demo_password=self.password,
            # The password is no secret here: one round makes a login cost 8 ms instead of 95.
            hash_context=BuiltinHash(rounds=1),
        )

    async def _register(self, config: Config) -> None:
        self._identity = Identity(self.user, Login(config), None, frozenset())
        hashed = await Passwords(config).hash_password(self.password)
        await self._identity.set(UserMetadata(config, self.user, password=hashed))
