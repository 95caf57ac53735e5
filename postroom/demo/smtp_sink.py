"""An SMTP server that writes mails into a folder; by an optional library: importing may fail."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
SECONDS = 10.0


class Sink:
    """Listens on a free port; each mail becomes a file, of which `arrived(subject, file)` hears."""

    def __init__(self, folder: Path, arrived: Callable[[str, Path], None]) -> None:
        self._folder = folder
        self._arrived = arrived
        #: Mails that came.
        self.count = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="demo-smtp", daemon=True
        )

    def start(self) -> Self:
        """Return when the port is open."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._wait(self._open())
        return self

    def stop(self) -> None:
        """Cut all connections and end."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def _open(self) -> None:
        # aiosmtpd's own Controller cannot take a free port.
        self._server = await self._loop.create_server(
            lambda: SMTP(self, hostname="demo", enable_SMTPUTF8=True, loop=self._loop), HOST, 0
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a mail."""
        raw = envelope.original_content or b""
        # A demo that begins again in an old folder writes over nothing.
        number = sum(1 for _ in self._folder.glob("*.eml")) + 1
        file = self._folder / f"{number:04}.eml"
        file.write_bytes(raw)
        self.count += 1
        self._arrived(str(message_from_bytes(raw, policy=policy.SMTP)["Subject"]), file)
        return "250 kept"
