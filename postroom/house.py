"""Where the daemons live: beside this package in a clone, inside of it once it is installed."""

import sys
from pathlib import Path

DAEMONS = ("api", "master", "provider", "monitor", "runner")
#: A wheel must not put names such as `api` among everybody's modules.
IS_INSTALLED = (Path(__file__).parent / "api").is_dir()


def module(name: str) -> str:
    """The name by which a module of a daemon is imported here, or run by `python -m`."""
    own = name.partition(".")[0] in DAEMONS
    return f"postroom.{name}" if own and IS_INSTALLED else name


def command(name: str) -> list[str]:
    """The command line that runs a daemon, or another module of it, by this interpreter."""
    return [sys.executable, "-m", module(name)]


def typed(rest: str) -> str:
    """What a person types for a command that starts with a daemon's name."""
    return f"python -m {module(rest)}"
