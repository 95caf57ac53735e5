"""What scripts import: an environment for each lock, made by uv, apart from any run.

ENVIRONMENTS/locks/KEY.lock     what uv resolved for one block of one Python; kept for ever
ENVIRONMENTS/KEY                the environment made from it; the longest unused go when it is full
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Event
from typing import IO

from postroom.errors import SettingsError, TemporaryError

from . import indexes, inline
from .errors import ScriptError

_READY = ".ready"
_LOOK_SECONDS = 0.05
_LOCK_SECONDS = 0.1
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


class Environments:
    """The environments of one Python, in one folder, of at most so many bytes."""

    def __init__(
        self, folder: Path, python: Path, most_bytes: int, seconds: float, *, builds: bool = False
    ) -> None:
        self._folder = folder.absolute()
        self._python = python
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._builds = builds

    @contextmanager
    def of(self, source: str, stop: Event) -> Iterator[Path | None]:
        """The environment that a script declares, kept as long as it is in use; None without.

        Raises ScriptError where uv cannot make it, with what uv said; TemporaryError when stopped.
        """
        block = inline.block(source)
        if not block:
            yield None
            return
        key = self._key(block)
        (self._folder / "locks").mkdir(parents=True, exist_ok=True)
        with (self._folder / "locks" / f"{key}.use").open("a") as use:
            environment = self._folder / key
            self._take(use, fcntl.LOCK_SH, stop)
            while not (environment / _READY).exists():
                self._take(use, fcntl.LOCK_EX, stop)
                if not (environment / _READY).exists():
                    self._make(key, block, stop)
                # Another may clean it away before it is ours to use: then once more.
                self._take(use, fcntl.LOCK_SH, stop)
            os.utime(environment)
            yield environment

    def clean(self) -> None:
        """Remove the longest unused until the rest fits; what is in use stays."""
        for left in self._folder.glob("making-*"):
            # Of one that was killed; no uv works that long.
            if left.stat().st_mtime < time.time() - 2 * self._seconds:
                shutil.rmtree(left, ignore_errors=True)
        used = {path: path.stat().st_mtime for path in self._folder.iterdir() if _is_ready(path)}
        for environment in sorted(used, key=lambda path: used[path]):
            if _size(self._folder) <= self._most_bytes:
                return
            with (self._folder / "locks" / f"{environment.name}.use").open("a") as use:
                try:
                    fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(environment, ignore_errors=True)
        if _size(self._folder) > self._most_bytes:
            # By uv itself, which knows whether another uv is at work there.
            self._uv(["cache", "clean"], self._folder, Event())

    def _key(self, block: str) -> str:
        version = f"{self._python} {os.stat(self._python).st_mtime_ns} {platform.machine()}"
        return hashlib.sha256(f"{version}\n{block}".encode()).hexdigest()[:32]

    def _take(self, use: IO[str], how: int, stop: Event) -> None:
        while True:
            try:
                fcntl.flock(use, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if stop.wait(_LOCK_SECONDS):
                    raise TemporaryError("stopped while an environment was prepared") from None
            else:
                return

    def _make(self, key: str, block: str, stop: Event) -> None:
        environment, lock = self._folder / key, self._folder / "locks" / f"{key}.lock"
        shutil.rmtree(environment, ignore_errors=True)
        with TemporaryDirectory(dir=self._folder, prefix="making-") as name:
            # uv puts the lock beside the script, so both get names that never change.
            script = Path(name) / "script.py"
            lines = (f"# {line}".rstrip() for line in block.splitlines())
            script.write_text("\n".join(["# /// script", *lines, "# ///", ""]), "utf-8")
            beside = script.with_name("script.py.lock")
            if lock.exists():
                shutil.copyfile(lock, beside)
            # A variable UV_NO_INDEX is not read by these two.
            of = ["--script", str(script), *(["--no-index"] if "UV_NO_INDEX" in _indexes() else [])]
            self._uv(["lock", *of], environment, stop)
            self._uv(["sync", *of, "--active", "--locked"], environment, stop)
            os.replace(beside, lock)
        (environment / _READY).touch()
        self.clean()

    def _uv(self, arguments: list[str], environment: Path, stop: Event) -> None:
        told = {
            **_indexes(),
            "UV_CACHE_DIR": str(self._folder / "cache"),
            "UV_PYTHON": str(self._python),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
            "UV_COMPILE_BYTECODE": "1",
            "VIRTUAL_ENV": str(environment),
        }
        if not self._builds:
            # To build is to run what a stranger wrote, with the runner's own rights.
            told["UV_NO_BUILD"] = "1"
        end = time.monotonic() + self._seconds
        with TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603 - uv itself
                [_uv_binary(), "--no-progress", "--color", "never", *arguments],
                env=told,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            while process.poll() is None:
                if stop.wait(_LOOK_SECONDS) or time.monotonic() > end:
                    process.kill()
                    process.wait()
            if process.returncode == 0:
                return
            said.seek(0)
            text = said.read(20_000).decode(errors="replace").strip()
        if stop.is_set():
            raise TemporaryError("stopped while an environment was prepared")
        if time.monotonic() > end:
            text += f"\nended after {self._seconds:g} seconds ([runner] prepare_seconds)"
        raise ScriptError(_told(text))


def _told(text: str) -> str:
    """What uv said, without what a package index lets us in by."""
    shown = _CREDENTIALS.sub("***", text)
    return f"uv could not prepare what the script imports:\n{shown}"


@cache
def _indexes() -> dict[str, str]:
    return indexes.environment()


@cache
def _uv_binary() -> str:
    from uv import find_uv_bin  # noqa: PLC0415

    try:
        return str(find_uv_bin())
    except FileNotFoundError as e:
        raise SettingsError("uv is missing: pip install uv") from e


def _is_ready(path: Path) -> bool:
    return (path / _READY).exists()


def _size(folder: Path) -> int:
    """Bytes on the disk; what is linked twice counts once."""
    seen: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(parent, name))
            except FileNotFoundError:
                continue
            seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())
