"""Mail from a folder of .eml files and the folders in it, byte for byte."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from postroom import settings
from postroom.credentials import Credentials
from postroom.errors import SourceError
from postroom.settings import Seconds

from . import textkeys
from .files import INBOX, FilesFolder


class EmlOptions(settings.Options, frozen=True):
    """The keys of the section."""

    #: The folder; those in it are read as well.
    path: str
    poll_seconds: Seconds = 10.0


class EmlSource:
    """All files whose names end in .eml, as one folder."""

    Options: ClassVar = EmlOptions
    kind = "eml"

    def __init__(
        self, options: EmlOptions, credentials: Credentials, path_of: Callable[[str], Path]
    ) -> None:
        self._options = options
        self._path = path_of(options.path)
        self.fingerprint = f"eml:{self._path.resolve()}"
        self.title = f".eml files in {self._path}"

    def connect(self) -> None:
        """See whether it is there."""
        if not self._path.is_dir():
            raise SourceError(f"{self._path} is no folder")

    def folders(self) -> list[str]:
        """All files are one folder."""
        return [INBOX]

    def open(self, name: str) -> FilesFolder:
        """Take note of the files."""
        self.connect()
        listing = partial(_files, self._path)
        names = sha256("\n".join(sorted(key for key, _ in listing())).encode()).digest()
        return FilesFolder(name, listing, int.from_bytes(names[:8], "big") >> 1)

    def poll_seconds(self) -> float:
        """As configured."""
        return self._options.poll_seconds

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """The next look tells what is new."""
        stop.wait(seconds)
        return False

    def close(self) -> None:
        """Nothing is kept open."""


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if not name.lower().endswith(".eml") or not path.is_file():
                continue
            told = path.stat()
            # Another file under an old name is another mail.
            kind = f"{told.st_size}-{told.st_mtime_ns}"
            yield textkeys.fit(f"{path.relative_to(root).as_posix()}:{kind}"), path
