"""kill -9 in the middle of deleting: nothing lost, and the next look settles what became of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chain.conftest import Account, account
from tests.chain.mails import hashes, mails
from tests.chain.tools import deletions, told, tool
from tests.long import one_in
from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot

IMAP = "provider.sources.imap.removal:ImapRemoval"
POP3 = "provider.sources.pop3.removal:Pop3Removal"
#: Where the process dies, and whether the server has deleted by then.
POINTS = [
    ("imap", f"{IMAP}.commit:after:1", True),
    ("imap", "postroom.archive:Archive.intend:before:1", False),
    ("imap", "postroom.archive:Archive.intend:after:1", False),
    ("imap", f"{IMAP}.delete:after:1", False),
    ("imap", "postroom.archive:Archive.settle:after:1", True),
    ("pop3", f"{POP3}.delete:after:1", False),
    ("pop3", f"{POP3}.commit:after:1", True),
]


@pytest.mark.parametrize("settled_by", one_in(2, ["pass", "run"]))
@pytest.mark.parametrize(("kind", "point", "gone"), one_in(7, POINTS))
def test_killed_while_deleting(
    dovecot: Dovecot,
    daemons: Callable[..., Daemons],
    tmp_path: Path,
    kind: str,
    point: str,
    gone: bool,
    settled_by: str,
) -> None:
    raws = mails(4)
    dovecot.deliver("work", raws)
    pop3: Account = {"source": "pop3", "port": dovecot.ports.pop3s}
    chain = daemons({"work": account(dovecot, **(pop3 if kind == "pop3" else {}))})
    chain.start("api", "master")
    chain.pull()
    deadly = {
        **forked.importing("killing"),
        "POSTROOM_KILL_AT": point,
        "POSTROOM_KILL_FLAG": str(tmp_path / "killed"),
    }

    killed = tool(chain, "delete", "work", "--yes", **deadly)

    assert killed.status == -9
    assert len(dovecot.uids("work")) == (0 if gone else 4)
    assert sorted(chain.hashes()) == hashes(raws)
    if settled_by == "pass":
        chain.pull()
        assert len(told(chain)) == (4 if gone else 0)
    assert tool(chain, "delete", "work", "--yes").status == 0
    assert dovecot.uids("work") == []
    assert [row["state"] for row in deletions(chain)] == ["deleted"] * 4
    assert len(told(chain)) == 4
    assert sorted(chain.hashes()) == hashes(raws)
