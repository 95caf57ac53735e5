"""What the doctor looks at on this machine: versions, permissions, disks, the clock."""

import re
import shutil
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec

from postroom import __version__, credentials, house, settings
from postroom.errors import CredentialError, PostroomError
from postroom.settings import Config

API_SECONDS = 5.0
MEGABYTE = 1024 * 1024
#: Free space under which mail is about to be turned away; [alarms] says when it is time to act.
NO_BYTES = 256 * MEGABYTE
#: Leases and tokens hold for some minutes: a clock that is further off breaks them.
MOST_DRIFT_SECONDS = 5.0
#: In a clone; an installed wheel has its versions from pip.
_PINS = Path(__file__).parents[1] / "requirements.txt"
#: Keys that name a file, and no secret one.
_PUBLIC = frozenset({"ca_file", "server_key_file", "webhook_ca_file"})
#: Keys whose values are secrets themselves.
_SECRET = frozenset({"token", "cookies"})
_WITH_PASSWORD = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
State = Literal["ok", "warn", "bad"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    #: A daemon, or "host" for what concerns all.
    of: str
    name: str
    state: State
    detail: str = ""
    remedy: str = ""


def host(path: Path | None) -> Iterator[Finding]:
    """All of it; settings that cannot be read are told here, once."""
    yield from _versions()
    try:
        config = settings.load(path)
    except PostroomError as e:
        yield Finding("host", "settings", "bad", str(e), "mend the settings as the sentence says")
        return
    yield from _permissions(config)
    yield from _disks(config)
    yield from _api(config)


def _versions() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("host", "python", "ok", f"{python}, SQLite {sqlite3.sqlite_version}")
    if not _PINS.exists():
        return
    pinned = re.findall(r"^([\w.-]+)==(\S+)", _PINS.read_text("utf-8"), re.M)
    odd = [f"{name} {found}, not {pin}" for name, pin in pinned if (found := _found(name)) != pin]
    remedy = f"pip install --require-hashes -r {_PINS.name}"
    if odd:
        yield Finding("host", "libraries", "warn", "; ".join(odd), remedy)
    else:
        yield Finding("host", "libraries", "ok", f"{len(pinned)} as {_PINS.name} pins them")


def _found(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "missing"


def _permissions(config: Config) -> Iterator[Finding]:
    """Files that hold secrets must be their owner's alone."""
    bad = 0
    for file in _secret_files(config):
        try:
            credentials.require_private(file)
        except CredentialError as e:
            bad += 1
            yield Finding("host", "permissions", "bad", str(e), "run the command at its end")
    if not bad:
        yield Finding("host", "permissions", "ok", "no file of secrets is open to others")


def _secret_files(config: Config) -> Iterator[Path]:
    pairs = [pair for raw in config.sections.values() for pair in raw.values.items()]
    named = {
        config.folder / credentials.FILE,
        *config.path_of(config.section("api", settings.Api).beside).glob("*.token"),
        *config.path_of(config.section("master", settings.Master).keys).glob("*.key_secret"),
        *(
            config.path_of(value)
            for key, value in pairs
            if value and key.endswith(("_file", "password")) and key not in _PUBLIC
        ),
    }
    if config.file and any(_is_secret(key, value) for key, value in pairs):
        named.add(config.file)
    folders = (
        config.section("provider", settings.Provider).tokens,
        config.section("runner", settings.Runner).secrets,
    )
    for folder in map(config.path_of, folders):
        named.update(folder.iterdir() if folder.is_dir() else ())
    return (file for file in sorted(named) if file.is_file())


def _is_secret(key: str, value: str) -> bool:
    return bool(value) and (key in _SECRET or bool(_WITH_PASSWORD.search(value)))


def _disks(config: Config) -> Iterator[Finding]:
    alarms = config.section("alarms", settings.Alarms)
    for there, names in _places(config).items():
        usage = shutil.disk_usage(there)
        low = max(usage.total * alarms.disk_percent / 100, alarms.disk_megabytes * MEGABYTE)
        state: State = "ok" if usage.free >= low else "warn"
        state = "bad" if usage.free < NO_BYTES else state
        told = f"{there}: {usage.free / 2**30:.1f} GB free, for {', '.join(names)}"
        remedy = "make room, or move it to a larger disk"
        yield Finding("host", "disk", state, told, "" if state == "ok" else remedy)


def _places(config: Config) -> dict[Path, list[str]]:
    """The folders that are written to, one of each disk, and what lies there."""
    kept = config.section("storage", settings.Storage)
    written = {
        "data": config.section("api", settings.Api).beside,
        "mails": kept.mails_path,
        "files": kept.files_path,
        "spool": config.section("master", settings.Master).spool,
        "runs": config.section("runner", settings.Runner).runs,
        "the log": config.section("log", settings.Log).file,
        "temporary files": tempfile.gettempdir(),
    }
    found: dict[int, tuple[Path, list[str]]] = {}
    for name, place in written.items():
        if not place or (name in ("mails", "files") and getattr(kept, name) == "s3"):
            continue
        path = config.path_of(place).absolute()
        there = next(folder for folder in (path, *path.parents) if folder.is_dir())
        found.setdefault(there.stat().st_dev, (there, []))[1].append(name)
    return dict(found.values())


def _api(config: Config) -> Iterator[Finding]:
    """Compare with the API's Date, which has whole seconds, and with its version."""
    url = config.section("api", settings.Api).base_url
    # The API is a known address: no proxy of the environment may come between.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    before = time.time()
    try:
        with opener.open(f"{url}/health", timeout=API_SECONDS) as answer:
            after = time.time()
            told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
            version = str(msgspec.json.decode(answer.read(MEGABYTE))["version"])
    except (OSError, TypeError, ValueError, KeyError):
        remedy = f"start the API ({house.typed('api')}), then look again"
        yield Finding("host", "clock", "warn", f"{url} tells no time", remedy)
        return
    # It was some moment of that second, between question and answer.
    drift = max(told - after, before - (told + 1), 0.0)
    if drift > MOST_DRIFT_SECONDS:
        remedy = "set both clocks by NTP"
        yield Finding("host", "clock", "bad", f"{drift:.0f} s apart from {url}", remedy)
    else:
        yield Finding("host", "clock", "ok", f"agrees with {url}")
    if version == __version__:
        yield Finding("host", "version", "ok", f"{__version__}, as the API")
    else:
        told_version = f"this is {__version__}, the API that answers is {version}"
        remedy = "install the same everywhere, and start all daemons again"
        yield Finding("host", "version", "bad", told_version, remedy)
