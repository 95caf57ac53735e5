"""A daemon's command line, run to its end as a person would."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.documents import ROOT
from tests.servers import forked


def command(module: str, *arguments: str) -> list[str]:
    """The command line of a daemon."""
    return [sys.executable, "-m", module, *arguments]


def environment() -> dict[str, str]:
    """With which a daemon finds our packages from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def run(
    folder: Path,
    module: str,
    *arguments: str,
    seconds: float = 90,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it in that folder with more variables; what it said, and its status."""
    done = forked.run(module, arguments, folder, variables, seconds)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
