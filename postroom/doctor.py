"""`python -m postroom doctor`: every daemon's own --check at once, and what none of them sees."""

import argparse
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec

from postroom import credentials, house, settings
from postroom.errors import CredentialError, PostroomError
from postroom.settings import Config

#: How long one daemon's check may take; it waits for servers that are away.
CHECK_SECONDS = 120.0
API_SECONDS = 5.0
#: Free space under which it is time to act, and under which mail is about to be turned away.
LOW_BYTES, NO_BYTES = 2 * 2**30, 256 * 2**20
#: Leases and tokens hold for some minutes: a clock that is further off breaks them.
MOST_DRIFT_SECONDS = 5.0
#: In a clone; an installed wheel has its versions from pip.
_PINS = Path(__file__).parents[1] / "requirements.txt"
_WORDS = {"ok": "ok  ", "warn": "WARN", "bad": "BAD "}


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    #: A daemon, or "host" for what concerns all.
    of: str
    name: str
    state: Literal["ok", "warn", "bad"]
    detail: str = ""
    remedy: str = ""


def main() -> None:
    """Look at everything; exit status 0: nothing is bad, 1: something is."""
    args = _parser().parse_args()
    needed = _needed(args.config)
    with ThreadPoolExecutor(len(needed)) as pool:
        checked = [pool.submit(_daemon, name, args) for name in needed]
        found = [*_host(args.config), *(each for one in checked for each in one.result())]
    _tell(found, as_json=args.json)
    sys.exit(1 if any(each.state == "bad" for each in found) else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m postroom doctor", description=__doc__)
    parser.add_argument("--config", type=Path, metavar="PATH", help="settings (config.ini)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--seconds", type=float, default=CHECK_SECONDS, help="for the check of one daemon"
    )
    return parser


def _needed(path: Path | None) -> list[str]:
    """The daemons that have something to do by these settings."""
    try:
        config = settings.load(path)
    except PostroomError:
        # Settings that cannot be read are told once, not by five daemons.
        return ["api"]
    idle = {"provider": not config.named("mailbox"), "monitor": not config.named("page")}
    return [name for name in house.DAEMONS if not idle.get(name)]


def _daemon(name: str, args: argparse.Namespace) -> list[Finding]:
    given = ["--config", str(args.config)] if args.config else []
    command = [*house.command(name), "--check", "--json", *given]
    try:
        done = subprocess.run(  # noqa: S603 - our own modules, by this very interpreter
            command, capture_output=True, text=True, timeout=args.seconds, check=False
        )
    except subprocess.TimeoutExpired:
        told = f"its check took longer than {args.seconds:g} s"
        return [Finding(name, "check", "bad", told, f"run {house.typed(name)} --check by hand")]
    try:
        lines = json.loads(done.stdout)
    except ValueError:
        told = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return [Finding(name, "check", "bad", told, f"run {house.typed(name)} --check by hand")]
    return [
        Finding(name, line["name"], "ok" if line["ok"] else "bad", line["detail"], line["remedy"])
        for line in lines
    ]


def _host(path: Path | None) -> Iterator[Finding]:
    yield from _versions()
    try:
        config = settings.load(path)
    except PostroomError as e:
        yield Finding("host", "settings", "bad", str(e), "mend the settings as the sentence says")
        return
    yield from _permissions(config)
    yield from _disks(config)
    yield _clock(config)


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
    named = {
        config.folder / credentials.FILE,
        *config.path_of(config.section("api", settings.Api).database).parent.glob("*.token"),
        *(
            config.path_of(value)
            for raw in config.sections.values()
            for key, value in raw.values.items()
            if value and key.endswith(("_file", "password")) and key not in _PUBLIC
        ),
    }
    folders = (
        config.section("provider", settings.Provider).tokens,
        config.section("runner", settings.Runner).secrets,
    )
    for folder in map(config.path_of, folders):
        named.update(folder.iterdir() if folder.is_dir() else ())
    return (file for file in sorted(named) if file.is_file())


_PUBLIC = frozenset({"ca_file", "server_key_file"})


def _disks(config: Config) -> Iterator[Finding]:
    places = {
        "data": config.section("api", settings.Api).database,
        "spool": config.section("master", settings.Master).spool,
        "temp": tempfile.gettempdir(),
    }
    for name, place in places.items():
        path = config.path_of(place).absolute()
        there = next(folder for folder in (path, *path.parents) if folder.is_dir())
        free = shutil.disk_usage(there).free
        state: Literal["ok", "warn", "bad"] = "ok" if free >= LOW_BYTES else "warn"
        state = "bad" if free < NO_BYTES else state
        told = f"{there}: {free / 2**30:.1f} GB free"
        yield Finding("host", f"disk {name}", state, told, "" if state == "ok" else "make room")


def _clock(config: Config) -> Finding:
    """Compare with the API's Date, which has whole seconds."""
    url = config.section("api", settings.Api).base_url
    before = time.time()
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=API_SECONDS) as answer:  # noqa: S310
            told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (urllib.error.URLError, OSError, TypeError, ValueError):
        remedy = f"start the API ({house.typed('api')}), then look again"
        return Finding("host", "clock", "warn", f"{url} tells no time", remedy)
    after = time.time()
    # It was some moment of that second, between question and answer.
    drift = max(told - after, before - (told + 1), 0.0)
    if drift > MOST_DRIFT_SECONDS:
        remedy = "set both clocks by NTP"
        return Finding("host", "clock", "bad", f"{drift:.0f} s apart from {url}", remedy)
    return Finding("host", "clock", "ok", f"agrees with {url}")


def _tell(found: list[Finding], *, as_json: bool) -> None:
    counts = {state: sum(each.state == state for each in found) for state in _WORDS}
    if as_json:
        told = {"summary": counts, "findings": msgspec.to_builtins(found)}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    for each in found:
        line = f"{_WORDS[each.state]} {each.of}: {each.name}: {each.detail}"
        is_open = each.remedy and each.state != "ok"
        sys.stdout.write(f"{line} -> {each.remedy}\n" if is_open else f"{line}\n")
    sys.stdout.write(f"{counts['ok']} ok, {counts['warn']} to watch, {counts['bad']} bad\n")


if __name__ == "__main__":
    main()
