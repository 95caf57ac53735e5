"""Where a script runs: under bubblewrap, limits or nothing; and which of them works here."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from postroom.errors import SettingsError
from postroom.settings import Runner

from . import bubblewrap
from .view import Owner, View, write

Name = Literal["bubblewrap", "limits", "none"]
#: A Python that may not see its own folder starts all the same, with another's library.
_TEST = "import os, sys; os.stat(sys.executable); sys.exit(sys.version_info < (3, 11))"
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
_PROBE_SECONDS = 20


class Isolation(Protocol):
    """How a process is kept apart."""

    @property
    def name(self) -> Name:
        """As every run tells it."""

    @property
    def python(self) -> Path:
        """The interpreter of scripts; that of an environment is made from it."""

    @property
    def owner(self) -> Owner | None:
        """Whom a run's files must belong to, where that is not the runner's own user."""

    def command(self, view: View, python: Path, arguments: Sequence[str]) -> list[str]:
        """The command line that runs `python` with the arguments, seeing only the view."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Own namespaces: no files but its own, no network unless allowed, no process but its own."""

    python: Path
    owner: Owner | None
    name: Name = "bubblewrap"

    def command(self, view: View, python: Path, arguments: Sequence[str]) -> list[str]:
        """See Isolation."""
        return [*bubblewrap.prefix(view, self.python, self.owner), str(python), *arguments]


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits and, where the runner is root, another user; it sees what that user sees."""

    python: Path
    owner: Owner | None
    name: Name = "limits"

    def command(self, view: View, python: Path, arguments: Sequence[str]) -> list[str]:
        """See Isolation."""
        del view
        prefix: list[str] = []
        if setpriv := shutil.which("setpriv"):
            # The script dies with its runner, and no program of another user helps it to more.
            prefix = [setpriv, "--pdeathsig", "KILL", "--no-new-privs"]
            if self.owner:
                prefix += ["--reuid", str(self.owner.uid), "--regid", str(self.owner.gid)]
                prefix += ["--clear-groups"]
            prefix.append("--")
        return [*prefix, str(python), *arguments]


@dataclass(frozen=True, slots=True)
class Nothing:
    """A process like any other, for desks and for speed."""

    python: Path
    owner: None = None
    name: Name = "none"

    def command(self, view: View, python: Path, arguments: Sequence[str]) -> list[str]:
        """See Isolation."""
        del view
        return [str(python), *arguments]


def choose(options: Runner) -> Isolation:
    """The isolation that the settings ask for, proven by a run; SettingsError if it cannot be."""
    own = Path(os.path.realpath(sys.executable))
    if options.isolation == "none":
        return Nothing(own)
    owner = _owner(options.user) if os.geteuid() == 0 else None
    refused: list[str] = []
    if options.isolation in ("auto", "bubblewrap"):
        isolation: Isolation = Bubblewrap(own, owner)
        if not (reason := _fault(isolation)):
            return isolation
        refused.append(f"bubblewrap does not work here: {reason}")
    if options.isolation in ("auto", "limits"):
        isolation = Limits(_readable(own, owner), owner)
        if not (reason := _lacks(owner) or _fault(isolation)):
            return isolation
        refused.append(f"scripts cannot run under limits here: {reason}")
    raise SettingsError("; ".join(refused))


def _owner(user: str) -> Owner | None:
    try:
        entry = pwd.getpwnam(user) if not user.isdecimal() else pwd.getpwuid(int(user))
    except KeyError:
        raise SettingsError(f"user: {user!r} is no user of this machine") from None
    return Owner(entry.pw_uid, entry.pw_gid) if entry.pw_uid else None


def _lacks(owner: Owner | None) -> str:
    if owner and not shutil.which("setpriv"):
        return "setpriv is missing, which hands over to another user: install util-linux"
    return ""


def _readable(own: Path, owner: Owner | None) -> Path:
    """Our own interpreter, or the system's where the owner may not read ours."""
    if owner is None:
        return own
    system = shutil.which("python3", path=SYSTEM)
    for python in [own, *([Path(os.path.realpath(system))] if system else [])]:
        command = Limits(python, owner).command(View(own, own, own), python, ["-ISc", _TEST])
        if _run(command, Path("/")) == "":
            return python
    return own


def _fault(isolation: Isolation) -> str:
    """Why a script cannot run under it, or nothing."""
    with tempfile.TemporaryDirectory(prefix="postroom-probe-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        view = View.of(folder)
        view.make(isolation.owner)
        write(view.told / "script.py", b"pass", isolation.owner)
        arguments = ["-IS", *view.seen(isolation.name).start("once")]
        return _run(isolation.command(view, isolation.python, arguments), folder)


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a command of ours
            command,
            cwd=folder,
            env={"PATH": SYSTEM},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return (said[-1] if said else f"exit status {done.returncode}") if done.returncode else ""
