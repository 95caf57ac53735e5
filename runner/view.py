"""What a run has on the disk, and by which paths it sees that."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

#: The launcher and the module that scripts import.
INSIDE = Path(__file__).parent.resolve() / "inside"


class Owner(NamedTuple):
    """A user and group of this machine."""

    uid: int
    gid: int


class Seen(NamedTuple):
    """The paths as the script has them."""

    launcher: str
    told: str
    work: str
    output: str


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

    def make(self, owner: Owner | None) -> None:
        """Make the folders; those that are written belong to the owner."""
        for folder in (self.told, self.work, self.output):
            folder.mkdir(mode=0o755)
        for folder in (self.work, self.output):
            give(folder, owner)

    def seen(self, isolation: str) -> Seen:
        """The paths inside."""
        if isolation == "bubblewrap":
            return Seen("/job/lib/launcher.py", "/job/in", "/job/work", "/job/output")
        folders = (str(path.absolute()) for path in (self.told, self.work, self.output))
        return Seen(str(INSIDE / "launcher.py"), *folders)


def give(path: Path, owner: Owner | None) -> None:
    """Let the owner have a file or folder that we just made."""
    if owner:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def readable(path: Path, source: Path, owner: Owner | None) -> None:
    """Copy `source` to `path`, for the owner to read."""
    shutil.copyfile(source, path)
    give(path, owner)
