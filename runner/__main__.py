"""`python -m runner try SCRIPT`: a script at a developer's desk."""

import argparse

from postroom import daemon

from . import trying


def serve(running: daemon.Daemon) -> int:
    """Do what the command line says."""
    return trying.run(running)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the runner takes besides what all daemons take."""
    actions = parser.add_subparsers(dest="action", metavar="", required=True)
    trying.arguments(actions.add_parser("try", help="run a script here, without any service"))


if __name__ == "__main__":
    daemon.run("runner", serve, arguments=arguments)
