"""Daemons of a few lines, each a script in a process of its own."""

import subprocess
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import commands, forked

HEAD = """
    import logging, os, signal, socket, sys, threading, time
    from postroom import daemon as house
    from postroom.daemon import CheckLine
    from postroom.errors import RefusedError, SettingsError, TemporaryError
    log = logging.getLogger("api.test")
    check = None
"""
TAIL = """
    house.run("api", main, check=check)
"""


@contextmanager
def starting(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a daemon with that main function; at the end none of them runs any more."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: str) -> subprocess.Popen[str]:
        script = "".join(map(textwrap.dedent, (HEAD, code, TAIL)))
        process = forked.Forked(
            commands.command("tests.run_script", script, *arguments),
            cwd=folder,
            env=commands.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    try:
        yield run
    finally:
        for process in started:
            process.kill()
            process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=90)
    return process.returncode, out, err
