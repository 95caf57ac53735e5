"""python -m runner: run the team's scripts; `python -m runner try SCRIPT`: one at a desk."""

import argparse
from collections.abc import Sequence

from postroom import daemon, registry

from . import trying

#: Imported when asked for: a desk needs no service.
ACTIONS = {
    "try": "runner.trying:run",
    "serve": "runner.serving:serve",
    "check": "runner.checks:check",
}


def serve(running: daemon.Daemon) -> int:
    """Do what the command line says."""
    action = registry.load(ACTIONS, running.args.action or "serve", "action")
    status: int = action(running)
    return status


def check(running: daemon.Daemon) -> Sequence[daemon.CheckLine]:
    """Test what a start would need."""
    lines: Sequence[daemon.CheckLine] = registry.load(ACTIONS, "check", "check")(running)
    return lines


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the runner takes besides what all daemons take."""
    actions = parser.add_subparsers(dest="action", metavar="")
    trying.arguments(actions.add_parser("try", help="run a script here, without any service"))


if __name__ == "__main__":
    daemon.run("runner", serve, check=check, arguments=arguments)
