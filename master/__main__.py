"""`python -m master`: the front and its workers; `... keys new [NAME]`; `... reparse`."""

import argparse
import resource
from collections.abc import Sequence
from contextlib import closing

from postroom import daemon, metrics, registry, settings
from postroom.sockets import ServerKeys, keys

from .front import Front
from .queue import Limits
from .staff import worker_command

#: Imported when asked for: the front itself needs neither HTTP nor a store, nor their memory.
CHECKS = {"master": "master.checks:check"}
#: Sockets of providers, for the most part; idle ones cost about 15 kB of memory each.
MAX_FILES = 16_384
ACTIONS = {"reparse": "master.reparse:reparse"}


def serve(running: daemon.Daemon) -> int:
    """Run the front until the stop event is set."""
    if running.args.action == "keys":
        return new_keys(running)
    if running.args.action == "reparse":
        status: int = registry.load(ACTIONS, "reparse", "action")(running)
        return status
    config = running.config
    master = config.section("master", settings.Master)
    folder = config.path_of(master.keys)
    own = ServerKeys.load(folder)
    _allow_files()
    keys.need_keys_off_loopback(master.host, own, folder)
    front = Front(
        master.host,
        master.port,
        worker_command(config.file, running.args.log_level),
        workers=master.workers,
        limits=Limits(deadline_seconds=master.deadline_seconds),
        keys=own,
    )
    with closing(front), metrics.served(config, "master", front.numbers):
        front.run(running.stop)
    return daemon.Exit.OK


def _allow_files() -> None:
    """Take more open files than a shell gives, if the system lets us: each provider takes some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    if resource.RLIM_INFINITY != soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def new_keys(running: daemon.Daemon) -> int:
    """Make CURVE keys and say where they are."""
    folder = running.config.path_of(running.config.section("master", settings.Master).keys)
    for file in keys.create(folder, running.args.name):
        print(file)  # noqa: T201 - the answer to the command
    return daemon.Exit.OK


def check(running: daemon.Daemon) -> Sequence[daemon.CheckLine]:
    """Test what a start would need."""
    lines: Sequence[daemon.CheckLine] = registry.load(CHECKS, "master", "check")(running)
    return lines


def arguments(parser: argparse.ArgumentParser) -> None:
    """What this daemon takes besides what all take."""
    actions = parser.add_subparsers(dest="action", metavar="")
    actions.add_parser("reparse", help="read again what another version of the parser read")
    made = actions.add_parser("keys", help="CURVE keys for connections from other machines")
    made.add_argument("new", choices=["new"])
    made.add_argument("name", nargs="?", default="", help="of a client that may connect")


if __name__ == "__main__":
    daemon.run("master", serve, check=check, arguments=arguments)
