"""Processes that read stored mails again; a mail that kills or hangs one costs that one only."""

import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from postroom import records, registry, settings
from postroom.api_client import Unparsed
from postroom.errors import ObjectMissingError, TemporaryError
from postroom.storage import open_mails

from .parsers import PARSERS
from .retries import LOST, MAX_REASON

DEADLY = "killed or hung its reader twice"
READY = "ready"
START_SECONDS = 60.0
#: What a reader goes through at the least.
BYTES_PER_SECOND = 1_000_000


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """What the parser made of a stored mail; without `mail`, why nothing."""

    id: int
    sha256: str
    mail: records.Mail | None = None
    reason: str = ""


class Reader:
    """One process; it ends by itself when ours is gone, however it went."""

    def __init__(self, config: Path | None, deadline_seconds: float) -> None:
        self._config = config
        self._deadline_seconds = deadline_seconds
        self._given: Sequence[Unparsed] = ()
        self._start()

    def begin(self, mails: Sequence[Unparsed]) -> None:
        """Give it mails to read."""
        self._given = mails
        try:
            self._connection.send(list(mails))
        except OSError:
            self._restart()
            self._connection.send(list(mails))

    def end(self) -> list[Again]:
        """Wait for what it made of them; raises TemporaryError when the store cannot be read."""
        seconds = self._deadline_seconds + sum(m.size for m in self._given) / BYTES_PER_SECOND
        try:
            found = self._connection.recv() if self._connection.poll(seconds) else None
        except (EOFError, OSError):
            found = None
        if isinstance(found, str):
            raise TemporaryError(found)
        if found is None:
            self._restart()
            return self._one_by_one()
        given: list[Again] = found
        return given

    def close(self) -> None:
        """End the process at once: it keeps nothing."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _one_by_one(self) -> list[Again]:
        if len(self._given) == 1:
            (mail,) = self._given
            return [Again(id=mail.id, sha256=mail.sha256, reason=DEADLY)]
        found = []
        for mail in self._given:
            self.begin([mail])
            found += self.end()
        return found

    def _restart(self) -> None:
        self.close()
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_read_all, args=(theirs, self._config), daemon=True)
        self._process.start()
        theirs.close()
        # What keeps a reader from starting is no fault of the mails.
        try:
            if self._connection.poll(START_SECONDS) and self._connection.recv() == READY:
                return
        except (EOFError, OSError):
            pass
        self.close()
        raise TemporaryError("a reader process cannot start, the line above may say why")


def _read_all(connection: Connection, file: Path | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    config = settings.load(file)
    storage = open_mails(config)
    parse = registry.load(PARSERS, "mail", "parser")

    def read(mail: Unparsed) -> Again:
        try:
            record = parse(storage.get(mail.sha256))
        except TemporaryError:
            raise
        except ObjectMissingError:
            return Again(id=mail.id, sha256=mail.sha256, reason=LOST)
        except Exception as e:  # noqa: BLE001 - told with the mail, whose old record stays
            reason = f"{type(e).__name__}: {e}"[:MAX_REASON]
            return Again(id=mail.id, sha256=mail.sha256, reason=reason)
        return Again(id=mail.id, sha256=mail.sha256, mail=record)

    connection.send(READY)
    while True:
        try:
            mails = connection.recv()
        except EOFError:
            return
        try:
            connection.send([read(mail) for mail in mails])
        except TemporaryError as e:
            connection.send(str(e))
