"""`python -m postroom doctor`: every daemon's own --check at once, and what none of them sees."""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from postroom import house, settings
from postroom.doctor_host import Finding, host
from postroom.errors import PostroomError
from postroom.logs import safe

#: How long one daemon's check may take; it waits for servers that are away.
CHECK_SECONDS = 120.0
_WORDS = {"ok": "ok  ", "warn": "WARN", "bad": "BAD "}


def main() -> None:
    """Look at everything; exit status 0: nothing is bad, 1: something is."""
    args = _parser().parse_args()
    needed = _needed(args.config)
    with ThreadPoolExecutor(len(needed)) as pool:
        checked = [pool.submit(_daemon, name, args) for name in needed]
        found = [*host(args.config), *(each for one in checked for each in one.result())]
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


def _tell(found: list[Finding], *, as_json: bool) -> None:
    counts = {state: sum(each.state == state for each in found) for state in _WORDS}
    if as_json:
        told = {"summary": counts, "findings": msgspec.to_builtins(found)}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    for each in found:
        # What a server said may have several lines, and worse.
        line = safe(f"{_WORDS[each.state]} {each.of}: {each.name}: {each.detail}")
        is_open = each.remedy and each.state != "ok"
        sys.stdout.write(f"{line} -> {safe(each.remedy)}\n" if is_open else f"{line}\n")
    sys.stdout.write(f"{counts['ok']} ok, {counts['warn']} to watch, {counts['bad']} bad\n")


if __name__ == "__main__":
    main()
