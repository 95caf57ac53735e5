"""The words in which the rest of the API speaks to its database, whichever it is."""

import logging
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import peewee

from postroom.errors import PostroomError

log = logging.getLogger(__name__)
T = TypeVar("T")
EXIT_BROKEN = 74
#: The fact that a database has as long as it was not wholly restored: no API starts on it.
RESTORING = "restoring"
#: How far a long work is: so many of so many.
Told = Callable[[int, int], None]


class Database(ABC, peewee.Database):
    """A connection a thread, for reading only unless one of the words for writing is said."""

    #: sqlite or postgresql.
    kind: str
    #: Where it is, as messages name it; never with a password.
    shown: str
    #: Where stands what belongs to it: the files of the first tokens.
    folder: Path
    #: Joins tables in the order in which they are written, where that has to be said.
    ordered_join: str

    @property
    @abstractmethod
    def described(self) -> str:
        """Version and connections, as --check tells them."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """One write transaction, with no other beside it; not to be nested.

        Raises TemporaryError for what time may heal: a lock, a full disk, a lost server.
        """

    @abstractmethod
    def adding(self) -> AbstractContextManager[None]:
        """The same for one that begins by adding what nobody else looks at yet.

        Where the database can, several do that at once, until each takes its turn.
        """

    @abstractmethod
    def take_turn(self) -> None:
        """Wait inside `adding` until the others have ended: from here on it is like `writing`."""

    @abstractmethod
    def alone(self, name: str) -> AbstractContextManager[bool]:
        """Whether no other process is at the work of that name; none begins it meanwhile."""

    @abstractmethod
    def release(self) -> None:
        """Let others have this thread's connection, where there are only so many."""

    @abstractmethod
    def close_all(self) -> None:
        """Close all connections that nobody uses; they are opened again when needed."""

    @abstractmethod
    def back_up(self, name: str) -> Path | None:
        """Copy all of it beside it, as it is now; None where only its operator can."""

    @abstractmethod
    def at_one_moment(self) -> AbstractContextManager[None]:
        """What is read inside is all of one moment, while others go on writing."""

    @abstractmethod
    def copy_to(self, file: Path, told: Told) -> None:
        """Copy all of it, inside `at_one_moment` as of that, into a new file; durable on return."""

    @abstractmethod
    def replace_by(self, file: Path, mend: "Callable[[Database], None]") -> None:
        """Put such a copy in the place of all that is there; SettingsError when it is no such copy.

        `mend` is given the copy, to change what belongs to its new place. A kill leaves what was
        there, or a database that no API starts on and that a copy may be put into again.
        """

    @abstractmethod
    def typed(self, column: str) -> str:
        """A column's type and default, written for SQLite, as this database takes it."""

    @abstractmethod
    def size(self) -> int:
        """Bytes on its disk."""

    @abstractmethod
    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""


def end_process(what: Path | str, e: Exception) -> None:
    """End at once: after an I/O error SQLite's view of the file can no longer be trusted."""
    log.critical("%s: %s: ending, look at the disk", what, e)
    logging.shutdown()
    os._exit(EXIT_BROKEN)


def in_savepoint(database: peewee.Database, work: Callable[[], T]) -> T | Exception:
    """Do one piece of a transaction; when it fails, undo it alone and return the error."""
    try:
        with database.atomic():
            return work()
    except (PostroomError, peewee.OperationalError, sqlite3.OperationalError):
        # Of the database or of the moment, not of this piece.
        raise
    except Exception as e:
        log.exception("one piece of a transaction failed")
        return e
