"""`python -m runner try SCRIPT`: one run at a developer's desk, without any service."""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from postroom import daemon
from postroom.errors import SettingsError
from postroom.settings import Runner

from . import desk
from .job import Ended, Job
from .room import work
from .secrets import Secrets
from .workshop import Workshop

_HEAD = "\n--- {} ---\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `try` takes."""
    add = parser.add_argument
    add("script", type=Path, metavar="SCRIPT", help="a Python file")
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--mail", type=Path, metavar="FILE", help="an .eml file: context.mail")
    given.add_argument("--file", type=Path, metavar="FILE", help="any file: context.file")
    add("--argument", action="append", default=[], metavar="NAME=VALUE",
        help="into context.arguments; VALUE is JSON or text")  # fmt: skip
    add("--secret", action="append", default=[], metavar="NAME[=VALUE]",
        help="into context.secrets; without a value, as the runner would find it")  # fmt: skip
    add("--since", default="", metavar="TIME", help="when the last completed run began (ISO 8601)")
    add("--network", action="store_true", help="allow the network")
    add("--seconds", type=float, default=60.0, help="the time limit (default: 60)")
    add("--megabytes", type=int, default=512, help="the memory limit (default: 512)")
    add("--isolation", choices=["auto", "bubblewrap", "limits", "none"],
        help="instead of [runner] isolation")  # fmt: skip
    add("--output", type=Path, metavar="FOLDER", help="keep the output and all files there")


def run(running: daemon.Daemon) -> int:
    """Run the script, show what came of it, end with its status."""
    args = running.args
    # Not beside the settings: a user who is not root's must be able to reach it.
    with tempfile.TemporaryDirectory(prefix="postroom-try-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "run").mkdir()
        (folder / "run").chmod(0o711)
        (folder / "parts").mkdir(mode=0o700)
        secrets = dict(_pair(text) for text in args.secret)
        workshop = _workshop(running, {k: v for k, v in secrets.items() if v is not None})
        job = _job(args, tuple(secrets), folder / "parts")
        ended = work(job, folder / "run", workshop, _print, running.stop)
        _show(ended)
        if args.output:
            _keep(ended, args.output)
    if ended.exit_code is None:
        return daemon.Exit.FAILED
    return ended.exit_code or (ended.status == "error")


def _workshop(running: daemon.Daemon, given: dict[str, str]) -> Workshop:
    options = running.config.section("runner", Runner)
    if running.args.isolation:
        options = msgspec.structs.replace(options, isolation=running.args.isolation)
    secrets = Secrets(running.config.path_of(options.secrets), given)
    return Workshop(running.config, options, secrets)


def _job(args: argparse.Namespace, secrets: tuple[str, ...], parts: Path) -> Job:
    try:
        source = args.script.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"{args.script}: cannot be read: {e}") from e
    values = {name: _value(text or "") for name, text in map(_pair, args.argument)}
    return Job(
        run=0,
        script=args.script.stem,
        source=source,
        arguments=values,
        trigger={"kind": "hand"},
        since=args.since,
        secrets=secrets,
        seconds=args.seconds,
        megabytes=args.megabytes,
        network=args.network,
        mail=desk.mail(args.mail, parts) if args.mail else None,
        file=desk.file(args.file) if args.file else None,
    )


def _pair(text: str) -> tuple[str, str | None]:
    name, divider, value = text.partition("=")
    return name, value if divider else None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print(stream: str, piece: bytes) -> None:
    to = sys.stdout if stream == "out" else sys.stderr
    to.flush()
    to.buffer.write(piece)
    to.buffer.flush()


def _show(ended: Ended) -> None:
    out = sys.stdout
    if ended.output and ended.status == "completed":
        out.write(_HEAD.format("output.txt"))
        out.write(ended.output.read_text("utf-8", "replace"))
    for path in ended.artefacts:
        out.write(_HEAD.format(f"{path.name}: {path.stat().st_size:,} bytes"))
    out.flush()
    if ended.error:
        sys.stderr.write(_HEAD.format("error") + f"{ended.error}\n")
    sys.stderr.write(_HEAD.format(f"{ended.status}, isolation: {ended.isolation}"))


def _keep(ended: Ended, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*filter(None, [ended.output]), *ended.artefacts):
        shutil.copyfile(path, folder / path.name)
