"""The commands on a terminal: tables, and a question before anything goes."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable

from tests.chain.conftest import account
from tests.chain.mails import mails
from tests.chain.tools import tool
from tests.documents import ROOT
from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot


def typed(chain: Daemons, answer: str, *words: str) -> tuple[int, str]:
    """Run a command on a terminal and type an answer; its status and what was shown."""
    ours, theirs = pty.openpty()
    words = (*words, "--config", str(chain.folder / "config.ini"))
    terminal = {"COLUMNS": "120", "TERM": "xterm"}
    process = forked.start("provider", words, chain.folder, terminal, theirs, theirs, theirs)
    os.close(theirs)
    os.write(ours, answer.encode() + b"\n")
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    return process.wait(30), shown.decode("utf-8", "replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        # On Linux the end of a terminal is an error.
        return b""


def test_only_a_yes_deletes(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(3))
    chain.pull()

    for answer, left in [("", 3), ("y", 3), ("yes", 0)]:
        status, shown = typed(chain, answer, "delete", "work")

        assert status == 0
        assert "Delete these 3 mails there?" in shown
        assert len(dovecot.uids("work")) == left


def test_a_listing_is_a_table(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> None:
    dovecot.deliver("work", [b"Subject: [bold]plain[/bold]\r\n\r\nx\r\n"])

    status, shown = typed(daemons({"work": account(dovecot)}), "", "list", "work")

    assert status == 0
    assert "subject" in shown
    assert "[bold]plain[/bold]" in shown


def test_whoever_reads_only_the_beginning_is_no_error(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    dovecot.deliver("work", mails(1))
    chain = daemons({"work": account(dovecot)})
    command = f"{sys.executable} -m provider list work --config {chain.folder}/config.ini"
    done = subprocess.run(
        ["bash", "-c", f"{command} | true"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )

    assert done.stderr == b""


def test_without_the_admin_token_it_is_said_what_is_needed(
    dovecot: Dovecot, chain: Daemons
) -> None:
    dovecot.deliver("work", mails(1))
    chain.pull()
    (chain.folder / "data" / "admin.token").rename(chain.folder / "token")

    said = tool(chain, "delete", "work", "--yes")

    assert said.status == 1
    assert "POSTROOM_ADMIN_TOKEN_FILE" in said.err
    token = str(chain.folder / "token")
    assert tool(chain, "delete", "work", "--yes", POSTROOM_ADMIN_TOKEN_FILE=token).status == 0
