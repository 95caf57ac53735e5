"""A daemon's command line, run to its end as a person would."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(module: str, *arguments: str) -> list[str]:
    """The command line of a daemon."""
    return [sys.executable, "-m", module, *arguments]


def environment() -> dict[str, str]:
    """With which a daemon finds our packages from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def run(
    folder: Path, module: str, *arguments: str, seconds: float = 90
) -> subprocess.CompletedProcess[str]:
    """Run it in that folder; what it said, and its status."""
    return subprocess.run(
        command(module, *arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        # Without the terminal of whoever runs the tests: nobody is there to be asked.
        start_new_session=True,
        timeout=seconds,
        check=False,
    )
