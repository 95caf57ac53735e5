"""The tools that people would pull a mailbox with instead."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.costs import Cost, Costs
from tests.servers.dovecot import Dovecot

Run = Callable[[Dovecot, Path], tuple[float, int, dict[str, Cost]]]

#: Seconds that one step of a peer may take.
LONGEST = 1_800.0

_MBSYNC = """
IMAPStore far
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Create Near
SyncState *
"""
_GETMAIL = """
[retriever]
type = SimpleIMAPRetriever
server = 127.0.0.1
port = {port}
username = {user}
password = {password}
[destination]
type = Maildir
path = {folder}/mail/
[options]
read_all = true
verbose = 0
"""
_NOTMUCH = "[database]\npath={folder}/mail\n[user]\nname=b\nprimary_email=b@bench.example\n"


def installed(user: str, password: str) -> dict[str, Run]:
    """Those that this machine has, by name."""

    def run(*steps: Callable[[Dovecot, Path, str, str], list[str]]) -> Run:
        return lambda dovecot, folder: _run(dovecot, folder, user, password, *steps)

    found: dict[str, Run] = {}
    if shutil.which("mbsync"):
        found["mbsync"] = run(_mbsync)
        if shutil.which("notmuch"):
            found["mbsync+notmuch"] = run(_mbsync, _notmuch)
    if shutil.which("getmail"):
        found["getmail6"] = run(_getmail)
    return found


def _run(
    dovecot: Dovecot,
    folder: Path,
    user: str,
    password: str,
    *steps: Callable[[Dovecot, Path, str, str], list[str]],
) -> tuple[float, int, dict[str, Cost]]:
    (folder / "mail").mkdir()
    costs = Costs({})
    began = time.perf_counter()
    for step in steps:
        _step(step(dovecot, folder, user, password), folder, costs)
    seconds = time.perf_counter() - began
    return seconds, _count(folder / "mail"), costs.spent()


def _step(command: list[str], folder: Path, costs: Costs) -> None:
    environment = {**os.environ, "HOME": str(folder), "NOTMUCH_CONFIG": str(folder / "notmuch")}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    costs.watch(command[0], process.pid)
    end = time.monotonic() + LONGEST
    while process.poll() is None:
        if time.monotonic() > end:
            process.kill()
            raise RuntimeError(f"{command[0]} did not end within {LONGEST:.0f} s")
        costs.sample()
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"{command[0]}: {process.stderr.read().decode()}")  # type: ignore[union-attr]


def _mbsync(dovecot: Dovecot, folder: Path, user: str, password: str) -> list[str]:
    file = folder / "mbsyncrc"
    file.write_text(
        _MBSYNC.format(port=dovecot.ports.imap, user=user, password=password, folder=folder)
    )
    return ["mbsync", "-c", str(file), "-q", "all"]


def _notmuch(_dovecot: Dovecot, folder: Path, _user: str, _password: str) -> list[str]:
    (folder / "notmuch").write_text(_NOTMUCH.format(folder=folder))
    return ["notmuch", "new", "--quiet"]


def _getmail(dovecot: Dovecot, folder: Path, user: str, password: str) -> list[str]:
    for name in ("cur", "new", "tmp"):
        (folder / "mail" / name).mkdir()
    (folder / "getmail").mkdir()
    (folder / "getmail" / "rc").write_text(
        _GETMAIL.format(port=dovecot.ports.imap, user=user, password=password, folder=folder)
    )
    return ["getmail", "--getmaildir", str(folder / "getmail"), "--rcfile", "rc"]


def _count(mail: Path) -> int:
    return sum(
        1 for file in mail.rglob("*") if file.is_file() and file.parent.name in ("cur", "new")
    )
