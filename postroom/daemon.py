"""What every daemon does alike: arguments, settings, log, pidfile, signals, checks, exit codes."""

import argparse
import errno
import gc
import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

import msgspec

from postroom import house, logs, pidfile, pulse, settings, signals
from postroom.errors import PostroomError, SettingsError

log = logging.getLogger(__name__)


class Exit(IntEnum):
    """What a daemon's exit status says; a second signal N ends with 128 + N."""

    OK = 0
    FAILED = 1
    SETTINGS = 2
    PORT_TAKEN = 3
    RUNNING = 4
    KILLED = 130


class CheckLine(msgspec.Struct, frozen=True):
    """One thing that --check tried."""

    name: str
    ok: bool
    #: What was found.
    detail: str = ""
    #: What to do about it, when it is not ok.
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Daemon:
    """What a daemon's main function works with."""

    name: str
    config: settings.Config
    #: Set by the first SIGTERM or SIGINT: finish what is in hand and return.
    stop: threading.Event
    args: argparse.Namespace


Main = Callable[[Daemon], int | None]
Check = Callable[[Daemon], Sequence[CheckLine]]
Arguments = Callable[[argparse.ArgumentParser], None]
Load = Callable[[argparse.Namespace], settings.Config]


def _from_file(args: argparse.Namespace) -> settings.Config:
    return settings.load(args.config)


def run(
    name: str,
    main: Main,
    *,
    check: Check | None = None,
    arguments: Arguments | None = None,
    line: Sequence[str] | None = None,
    word: str = "",
    load: Load = _from_file,
    confirm: signals.Confirm | None = None,
) -> NoReturn:
    """Run a daemon from its command line and end the process with a status of Exit.

    `word`: what stands behind its name, where the rest of the `line` is read as of that.
    `load` reads the settings; `confirm` may answer Ctrl-C by a question (signals.listen).
    """
    args = _parser(f"{name} {word}".strip(), arguments).parse_args(line)
    if args.check:
        status = _check(name, check, args, load)
    else:
        status = _run(name, main, args, load, confirm)
    logging.shutdown()
    sys.stdout.flush()
    sys.exit(status)


def check_port(
    name: str, host: str, port: int, running: Callable[[], bool] | None = None
) -> CheckLine:
    """Try whether [name] could listen there; `running` tells whether it already does."""
    address = f"{host} port {port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((host, port))
    except OSError as e:
        if e.errno == errno.EADDRINUSE and running and running():
            return CheckLine("port", True, f"{name} answers at {address}")
        remedy = f"end what has the port, or set another host or port in [{name}]"
        return CheckLine("port", False, f"{address}: {e.strerror}", remedy)
    return CheckLine("port", True, f"{address} is free")


def started() -> None:
    """Call it when all is loaded: what is here now stays, and the collector need not look at it.

    Work on mail makes and drops objects by the thousand, but hardly ever cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _parser(program: str, arguments: Arguments | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=house.typed(program))
    add = parser.add_argument
    add(
        "--config", type=Path, metavar="PATH", help="settings (default: config.ini if there is one)"
    )
    add("--pidfile", type=Path, metavar="PATH", help="write the process id there while running")
    add("--log-level", choices=["debug", "info", "warning", "error"], help="instead of [log] level")
    add("--check", action="store_true", help="test the settings and connections, then end")
    add("--json", action="store_true", help="print machine-readable output")
    add("--with-parent", action="store_true", help="end when standard input closes")
    if arguments:
        arguments(parser)
    return parser


def _run(
    name: str,
    main: Main,
    args: argparse.Namespace,
    load: Load,
    confirm: signals.Confirm | None,
) -> int:
    try:
        daemon = _prepared(name, args, load)
        with pidfile.held(args.pidfile):
            signals.listen(daemon.stop, confirm)
            if args.with_parent:
                signals.end_with_parent()
            with pulse.beating(args.pidfile):
                return _ended(daemon, main)
    except SettingsError as e:
        return _say(name, str(e), Exit.SETTINGS)
    except pidfile.RunningError as e:
        return _say(name, str(e), Exit.RUNNING)


def _prepared(name: str, args: argparse.Namespace, load: Load, level: str = "") -> Daemon:
    config = load(args)
    logs.follow(config, args.log_level or level)
    return Daemon(name, config, threading.Event(), args)


def _ended(daemon: Daemon, main: Main) -> int:
    """Run main to its end; turn what went wrong into a sentence and a status."""
    try:
        status = main(daemon)
    except SettingsError:
        raise
    except PostroomError as e:
        return _say(daemon.name, str(e), Exit.FAILED)
    except Exception as e:
        # pyzmq's errors are no OSErrors, but carry the same number.
        if getattr(e, "errno", None) == errno.EADDRINUSE:
            return _say(daemon.name, _port_taken(daemon), Exit.PORT_TAKEN)
        log.exception("%s: ended by an error that is a defect of Postroom", daemon.name)
        return Exit.FAILED
    return Exit.OK if status is None else status


def _port_taken(daemon: Daemon) -> str:
    options = settings.SECTIONS.get(daemon.name)
    own = daemon.config.section(daemon.name, options) if options else None
    address = f"{getattr(own, 'host', 'its address')} port {getattr(own, 'port', '')}".rstrip()
    return (
        f"{address} is taken by another program: end that one, "
        f"or set another port in [{daemon.name}] of {daemon.config.shown}"
    )


def _say(name: str, sentence: str, status: Exit) -> int:
    sys.stderr.write(f"{name}: {sentence}\n")
    return status


def _check(name: str, check: Check | None, args: argparse.Namespace, load: Load) -> int:
    lines = _checked(name, check, args, load)
    out = sys.stdout
    if args.json:
        out.write(json.dumps([msgspec.to_builtins(line) for line in lines], indent=2) + "\n")
    else:
        out.writelines(f"{_told(line)}\n" for line in lines)
    return Exit.OK if all(line.ok for line in lines) else Exit.FAILED


def _checked(
    name: str, check: Check | None, args: argparse.Namespace, load: Load
) -> list[CheckLine]:
    lines: list[CheckLine] = []
    try:
        # The report is the output: the log stays quiet unless something is wrong.
        daemon = _prepared(name, args, load, "warning")
        is_given = daemon.config.file or daemon.config.origin
        read = daemon.config.shown if is_given else "no config.ini: built-in defaults"
        lines.append(CheckLine("settings", True, read))
        lines.extend(check(daemon) if check else [])
    except SettingsError as e:
        lines.append(CheckLine("settings", False, str(e), "mend the settings as the sentence says"))
    except PostroomError as e:
        lines.append(
            CheckLine(name, False, str(e), "mend what the sentence says, then check again")
        )
    return lines


def _told(line: CheckLine) -> str:
    told = f"{'ok  ' if line.ok else 'FAIL'} {line.name}: {line.detail}"
    return f"{told} -> {line.remedy}" if line.remedy and not line.ok else told
