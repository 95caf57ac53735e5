"""The safe delete: nothing goes that is not stored, and nobody else's mail goes with it."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from api.schema import migrations
from tests.chain.conftest import account
from tests.chain.mails import hashes, mails
from tests.chain.tools import deletions, of, pulled, told, tool
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_imap import ScriptedImap
from tests.waiting import wait_until

Make = Callable[..., Daemons]


@pytest.fixture
def imap() -> Iterator[ScriptedImap]:
    server = ScriptedImap(dict(enumerate(mails(5), 1))).start()
    server.capabilities = "IMAP4rev1 UIDPLUS"
    yield server
    server.close()


# --- what goes, and what does not


def test_a_dry_run_deletes_nothing_and_leaves_no_row(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(5))
    chain.pull()

    said = tool(chain, "delete", "work")

    assert said.status == 0
    assert "5 mails" in said.out
    assert "nothing was deleted" in said.out
    assert len(dovecot.uids("work")) == 5
    assert deletions(chain) == []


def test_what_is_stored_is_deleted_and_kept_in_the_store(dovecot: Dovecot, chain: Daemons) -> None:
    raws = mails(120)
    dovecot.deliver("work", raws)
    chain.pull()

    report = tool(chain, "delete", "work", "--yes", "--json").json

    assert (report["deleted"], report["problem"]) == (120, "")
    assert dovecot.uids("work") == []
    assert sorted(chain.hashes()) == hashes(raws)
    assert {row["state"] for row in deletions(chain)} == {"deleted"}
    assert told(chain) == list(range(1, 121))
    assert tool(chain, "check", "work", "--quiet").status == 0


def test_what_is_not_stored_is_left(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(3))
    chain.pull()
    dovecot.deliver("work", mails(2, first=50))

    report = tool(chain, "delete", "work", "--yes", "--json").json

    assert report["deleted"] == 3
    assert report["left"] == {"not stored": 2}
    assert dovecot.uids("work") == [4, 5]


def test_mail_that_another_client_marked_survives(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(3))
    chain.pull()
    dovecot.deliver("work", mails(1, first=50))
    dovecot.admin("flags", "add", "-u", "work", "\\Deleted", "mailbox", "INBOX", "uid", "4")

    assert tool(chain, "delete", "work", "--yes").status == 0

    assert dovecot.uids("work") == [4]


def test_filters_choose_by_age_size_and_folder(dovecot: Dovecot, daemons: Make) -> None:
    def dated(days: int, size: int, subject: bytes) -> bytes:
        day = format_datetime(datetime.now(UTC) - timedelta(days=days)).encode()
        head = b"Received: from a by b; %s\r\nDate: Mon, 1 Jan 1990 10:00:00 +0000\r\n" % day
        return head + b"Subject: %s\r\n\r\n%s\r\n" % (subject, b"x" * size)

    small, large = dated(2, 10, b"fresh"), dated(40, 5_000, b"large")
    old, unknown = dated(40, 10, b"old"), b"Subject: undated\r\n\r\nx\r\n"
    dovecot.deliver("work", [small, large, old, unknown])
    dovecot.deliver("work", [dated(50, 10, b"elsewhere")], folder="Old")
    chain = pulled(daemons, account(dovecot, folders="INBOX, Old"))

    def chosen(*words: str) -> list[tuple[str, int]]:
        report = tool(chain, "delete", "work", "--json", *words).json
        return [(mail["folder"], mail["key"]) for mail in report["chosen"]]

    assert chosen("--older-than", "999999999") == []
    assert chosen("--older-than", "30") == [("INBOX", 2), ("INBOX", 3), ("Old", 1)]
    assert chosen("--larger-than", "4k") == [("INBOX", 2)]
    assert chosen("--folder", "Old") == [("Old", 1)]
    assert tool(chain, "delete", "work", "--larger-than", "huge").status == 2


def test_a_maildir_is_cleared_too(dovecot: Dovecot, daemons: Make) -> None:
    raws = mails(3)
    dovecot.deliver("work", raws)
    path = dovecot.maildir("work")
    chain = pulled(daemons, {"source": "maildir", "path": str(path)})

    assert tool(chain, "delete", "work", "--yes").status == 0

    assert not list((path / "new").iterdir())
    assert sorted(chain.hashes()) == hashes(raws)


def test_a_source_that_cannot_delete_says_so(daemons: Make) -> None:
    chain = daemons({"work": {"source": "mbox", "path": "mails.mbox"}})
    (chain.folder / "mails.mbox").write_bytes(b"From a Sat Jan  1 00:00:00 2022\n" + mails(1)[0])
    chain.start("api", "master")
    chain.pull()

    said = tool(chain, "delete", "work", "--yes")

    assert said.status == 1
    assert "Postroom deletes nothing" in said.err


# --- what is refused


def test_without_uidplus_nothing_is_expunged(imap: ScriptedImap, daemons: Make) -> None:
    imap.capabilities = "IMAP4rev1"
    chain = pulled(daemons, of(imap))

    said = tool(chain, "delete", "work", "--yes")

    assert said.status == 1
    assert "no UIDPLUS" in said.err
    assert len(imap.mails) == 5
    assert not [c for c in imap.commands if "STORE" in c or "EXPUNGE" in c or "SELECT" in c]
    assert deletions(chain) == []


def test_the_first_mail_that_differs_ends_it(imap: ScriptedImap, daemons: Make) -> None:
    chain = pulled(daemons, of(imap))
    imap.mails[3] = imap.mails[3].replace(b"Subject: mail 3", b"Subject: else 3")

    said = tool(chain, "delete", "work", "--yes")

    assert said.status == 1
    assert "mail 3: the server's mail is not the stored one (other_headers)" in said.err
    assert sorted(imap.mails) == [3, 4, 5]
    assert told(chain) == [1, 2]


@pytest.mark.long
def test_equal_headers_of_another_size_are_refused(imap: ScriptedImap, daemons: Make) -> None:
    chain = pulled(daemons, of(imap))
    imap.mails[1] += b"more\r\n"

    said = tool(chain, "delete", "work", "--yes")

    assert "another size" in said.err
    assert len(imap.mails) == 5


def test_what_the_store_lost_or_damaged_is_refused(dovecot: Dovecot, daemons: Make) -> None:
    dovecot.deliver("work", mails(3))
    chain = daemons(
        {"work": account(dovecot)},
        {"storage": {"mails": "directory", "mails_path": "data/raw"}},
    )
    chain.start("api", "master")
    chain.pull()
    (first,) = [p for p in chain.items("/v1/mailboxes/work/places") if p["key"] == 1]
    (second,) = [p for p in chain.items("/v1/mailboxes/work/places") if p["key"] == 2]

    def file(sha256: str) -> Path:
        (found,) = [f for f in (chain.folder / "data/raw").rglob(f"*{sha256}*") if f.is_file()]
        return found

    path = file(second["sha256"])
    path.write_bytes(path.read_bytes().replace(b"hello", b"jello"))
    said = tool(chain, "delete", "work", "--yes")
    assert "mail 2: the stored bytes are damaged" in said.err
    assert dovecot.uids("work") == [2, 3]

    path.unlink()
    assert "mail 2: it cannot be read back" in tool(chain, "delete", "work", "--yes").err
    assert dovecot.uids("work") == [2, 3]
    assert told(chain) == [first["key"]]


def test_a_mail_known_by_headers_alone_is_left(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(3))
    chain.pull()
    dovecot.renumber("work")
    chain.pull()

    report = tool(chain, "delete", "work", "--yes", "--json").json

    assert report["left"] == {"known by headers alone": 3}
    assert len(dovecot.uids("work")) == 3


def test_another_account_under_the_old_name_is_refused(dovecot: Dovecot, daemons: Make) -> None:
    raws = mails(3)
    dovecot.deliver("work", raws)
    dovecot.deliver("home", raws)
    chain = pulled(daemons, account(dovecot))
    dovecot.set_uidvalidity("home", dovecot.uidvalidity("work"))
    sections = {"api": {"port": chain.api_port}, "master": {"port": chain.master_port}}
    chain.configure({"work": account(dovecot, "home")}, sections)

    said = tool(chain, "delete", "work", "--yes")

    assert said.status == 1
    assert "another account" in said.err
    assert len(dovecot.uids("home")) == 3


def test_a_server_that_refuses_to_expunge_keeps_all_unmarked(
    imap: ScriptedImap, daemons: Make
) -> None:
    chain = pulled(daemons, of(imap))
    imap.keeps = True

    assert tool(chain, "delete", "work", "--yes").status == 1

    assert (len(imap.mails), imap.deleted) == (5, set())
    assert {row["state"] for row in deletions(chain)} == {"kept"}
    assert told(chain) == []


# --- by itself


def test_a_running_provider_deletes_what_is_old_enough(dovecot: Dovecot, daemons: Make) -> None:
    old = b"Date: Mon, 1 Jan 1990 10:00:00 +0000\r\nSubject: old\r\n\r\nx\r\n"
    new = b"Date: %s\r\n\r\nx\r\n" % format_datetime(datetime.now(UTC)).encode()
    dovecot.deliver("work", [old, new])
    chain = daemons({"work": account(dovecot, delete_after_days=30)})
    chain.start("api", "master")

    chain.provide()

    wait_until(
        lambda: dovecot.uids("work") == [2], 60, f"the old one to go: {chain.log('provider')}"
    )
    wait_until(lambda: told(chain) == [1], 20, "the receipt")
    assert sorted(chain.hashes()) == hashes([old, new])


def test_a_wrong_number_of_days_is_a_matter_of_settings(dovecot: Dovecot, daemons: Make) -> None:
    chain = daemons({"work": account(dovecot, delete_after_days="soon")})

    said = tool(chain, "work", "--once")

    assert said.status == 2
    assert "delete_after_days: found 'soon'" in said.err


def test_the_database_of_before_gets_the_table(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(2))
    chain.pull()
    for name in ("master", "api"):
        chain.terminate(name)
    with sqlite3.connect(chain.folder / "data" / "postroom.sqlite") as db:
        db.execute("DROP TABLE deletions")
        before = migrations.STEPS.index(migrations._keep_deletions)
        db.execute("UPDATE facts SET value = ? WHERE name = 'schema'", (str(before),))
    db.close()

    chain.start("api", "master")

    assert tool(chain, "delete", "work", "--yes", "--json").json["deleted"] == 2


# --- where headers prove nothing


def test_imap_without_uidvalidity_whole_mails_are_compared(
    imap: ScriptedImap, daemons: Make
) -> None:
    imap.uidvalidity = None
    chain = pulled(daemons, of(imap))
    imap.mails[2] = imap.mails[2].replace(b"hello", b"jello")

    said = tool(chain, "delete", "work", "--yes")

    assert "other bytes" in said.err
    assert sorted(imap.mails) == [2, 3, 4, 5]
    assert {row["proof"] for row in deletions(chain)} == {"same_bytes"}


@pytest.mark.long
def test_a_mail_without_headers_is_compared_whole(imap: ScriptedImap, daemons: Make) -> None:
    imap.mails = {1: b"\r\nonly a body\r\n"}
    chain = pulled(daemons, of(imap))

    tool(chain, "delete", "work", "--yes")

    assert imap.mails == {}
    assert {row["proof"] for row in deletions(chain)} == {"same_bytes"}


@pytest.mark.long
def test_a_changed_file_of_a_maildir_is_left(dovecot: Dovecot, daemons: Make) -> None:
    dovecot.deliver("work", mails(3))
    path = dovecot.maildir("work")
    chain = pulled(daemons, {"source": "maildir", "path": str(path)})
    file = max((path / "new").iterdir())
    file.write_bytes(file.read_bytes().replace(b"hello", b"jello"))

    said = tool(chain, "delete", "work", "--yes")

    assert "other bytes" in said.err
    assert list((path / "new").iterdir()) == [file]
