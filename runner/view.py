"""What a run has on the disk, and by which paths it sees that."""

import marshal
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

#: The launcher and the module that scripts import.
INSIDE = Path(__file__).parent.resolve() / "inside"
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); import launcher; launcher.main()"


class Owner(NamedTuple):
    """A user and group of this machine."""

    uid: int
    gid: int


class Seen(NamedTuple):
    """The paths as the script has them."""

    library: str
    told: str
    work: str
    output: str

    def start(self, how: str) -> list[str]:
        """What Python is told so that the launcher runs; its limits may follow."""
        return ["-c", _START, self.library, how, self.told, self.output]


@dataclass(frozen=True, slots=True)
class View:
    """The folders of one run, and what it is allowed to see besides."""

    #: The script, its context, its mail or file; not to be written.
    told: Path
    #: Where it starts, for its scratch files.
    work: Path
    #: What is kept of it.
    output: Path
    #: The environment with what it imports, where it declares that.
    environment: Path | None = None
    network: bool = False

    @classmethod
    def of(cls, folder: Path, environment: Path | None = None, *, network: bool = False) -> "View":
        """The usual folders in one."""
        return cls(folder / "in", folder / "work", folder / "output", environment, network)

    def make(self, owner: Owner | None) -> None:
        """Make the folders; those that are written belong to the owner."""
        if owner:
            # Without bubblewrap it comes in by this path.
            self.told.parent.chmod(0o711)
        make_folder(self.told, None)
        make_folder(self.work, owner)
        make_folder(self.output, owner)

    def seen(self, isolation: str) -> Seen:
        """The paths inside."""
        if isolation == "bubblewrap":
            return Seen("/job/lib", "/job/in", "/job/work", "/job/output")
        folders = (str(path.absolute()) for path in (self.told, self.work, self.output))
        return Seen(str(INSIDE), *folders)


def make_folder(path: Path, owner: Owner | None) -> None:
    """Make a folder that the owner may open, and write to where it is theirs."""
    path.mkdir()
    path.chmod(0o755)
    if owner:
        os.chown(path, *owner)


def write(path: Path, content: bytes, owner: Owner | None) -> None:
    """Make a file for the owner to read."""
    path.write_bytes(content)
    _give(path, owner)


def packed(value: Any) -> bytes:
    """A value of plain types for the Python of the script, which may be of another version."""
    return marshal.dumps(msgspec.to_builtins(value), 4)


def copy(path: Path, source: Path, owner: Owner | None) -> None:
    """The same, with what another file holds: the script may spoil its copy."""
    shutil.copyfile(source, path)
    _give(path, owner)


def _give(path: Path, owner: Owner | None) -> None:
    path.chmod(0o600)
    if owner:
        os.chown(path, *owner)
