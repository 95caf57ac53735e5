"""kill -9 at any point: nothing lost, nothing doubled."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chain.conftest import account
from tests.chain.mails import hashes, mails
from tests.chain.test_sync import bodies_fetched
from tests.long import one_in
from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.supervised import RandomKiller, Supervised

POINTS = [
    "provider.link:Link.hello:after:1",
    "master.pipeline:Pipeline._hello:before:1",
    "master.pipeline:Pipeline._hello:after:1",
    "api.sources.standing:hello:after:1",
    "api.sources.offers:answer:before:2",
    "api.sources.offers:answer:after:2",
    "provider.passes:FolderPass._offer:after:2",
    "provider.pushes:Pushes._send:before:2",
    "provider.pushes:Pushes._send:after:2",
    "provider.pushes:Pushes._read:before:2",
    "master.queue:Queue.arrived:after:6",
    "master.queue:Queue.finished:before:6",
    "master.queue:Queue.finished:after:6",
    "master.intake:Intake.take:before:2",
    "master.intake:Intake.take:after:2",
    # Before and after the COMMIT of the store.
    "postroom.storage.sqlite:next_batch:after:2",
    "postroom.storage.sqlite:SqliteStorage.put_many:after:2",
    "master.sinks.api:ApiSink.deliver:before:2",
    "master.sinks.api:ApiSink.deliver:after:2",
    "api.mails.ingest:ingest:before:2",
    "api.mails.contents:insert:after:2",
    "api.sources.places:settle:after:2",
    "api.mails.ingest:_ingest:after:2",
    # Before and after the COMMIT of the database.
    "api.objects.stores:rely:after:2",
    "api.mails.ingest:ingest:after:2",
    "api.sources.receipts:take:after:1",
]
#: On the way of a mail that goes in parts.
LARGE_POINTS = [
    "master.spool:Spool.put:before:2",
    "master.spool:Spool._make_room:after:2",
    "master.spool:Spool.put:after:2",
    "provider.upload:upload:after:1",
    "master.intake:Intake._from_spool:before:1",
    "postroom.storage.sqlite_large:SqliteWriter.commit:before:1",
    "postroom.storage.sqlite_large:finish:after:1",
    "postroom.storage.sqlite_large:SqliteWriter.commit:after:1",
    "master.intake:Intake.done:before:1",
    "master.intake:Intake.done:after:1",
    "provider.pushes:Pushes._read:before:2",
]
#: After UIDVALIDITY has changed.
REMATCH_POINTS = [
    "provider.sources.imap.folder:ImapFolder.digests:after:1",
    "api.sources.rematch:match_again:before:1",
    "api.sources.rematch:match_again:after:1",
    "api.sources.offers:answer:after:3",
    "provider.passes:FolderPass._wanted:after:1",
]


def expect_whole(chain: Daemons, raws: list[bytes]) -> None:
    """Every mail is stored once, readable, and the receipt says so."""
    assert sorted(chain.hashes()) == hashes(raws)
    receipt = chain.last_receipt()
    assert (receipt["stored"], receipt["missing"]) == (len(raws), 0)
    events = [event for event in chain.items("/v1/events") if event["kind"] == "mail.stored"]
    assert len(events) == len(raws)


@pytest.fixture
def deadly(tmp_path: Path) -> Callable[[Daemons, str], Path]:
    """From now on one of the daemons dies at that point; the file says that one did."""

    def arm(chain: Daemons, point: str) -> Path:
        flag = tmp_path / "killed"
        chain.environment = {
            **forked.importing("killing"),
            "POSTROOM_KILL_AT": point,
            "POSTROOM_KILL_FLAG": str(flag),
        }
        return flag

    return arm


Arm = Callable[[Daemons, str], Path]


@pytest.mark.parametrize("point", one_in(8, POINTS))
def test_killed_at_a_named_point(
    dovecot: Dovecot, daemons: Callable[..., Daemons], point: str, deadly: Arm
) -> None:
    raws = mails(120)
    dovecot.deliver("work", raws)
    chain = daemons({"work": account(dovecot)}, {"master": {"batch_mails": 30, "workers": 2}})
    flag = deadly(chain, point)
    chain.start("api", "master")

    Supervised(chain).run_until_whole(60)

    assert flag.exists(), "the point was never reached"
    expect_whole(chain, raws)


@pytest.mark.parametrize("point", one_in(6, LARGE_POINTS))
def test_killed_while_a_large_mail_comes_in_parts(
    dovecot: Dovecot, daemons: Callable[..., Daemons], point: str, deadly: Arm
) -> None:
    large = [mail + b"0123456789abcde\r\n" * 530_000 for mail in mails(2, first=100)]
    raws = [*mails(5), *large, *mails(5, first=200)]
    dovecot.deliver("work", raws)
    chain = daemons({"work": account(dovecot)})
    flag = deadly(chain, point)
    chain.start("api", "master")

    Supervised(chain).run_until_whole(60)

    assert flag.exists(), "the point was never reached"
    expect_whole(chain, raws)


@pytest.mark.parametrize("point", one_in(5, REMATCH_POINTS))
def test_killed_while_stored_mails_are_found_again_under_new_uids(
    dovecot: Dovecot, daemons: Callable[..., Daemons], point: str, deadly: Arm
) -> None:
    raws = mails(120)
    dovecot.deliver("work", raws)
    chain = daemons({"work": account(dovecot)})
    chain.start("api", "master")
    chain.pull()
    chain.terminate("master")
    chain.terminate("api")
    dovecot.renumber("work")
    dovecot.record("work")
    flag = deadly(chain, point)
    chain.start("api", "master")

    Supervised(chain).run_until_whole(60)

    assert flag.exists(), "the point was never reached"
    expect_whole(chain, raws)
    assert bodies_fetched(dovecot) == 0


def test_killed_at_random(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> None:
    raws = mails(600)
    dovecot.deliver("work", raws)
    chain = daemons({"work": account(dovecot)}, {"master": {"batch_mails": 20, "workers": 2}})
    chain.start("api", "master")
    killer = RandomKiller(kills=10, seed=7)

    Supervised(chain).run_until_whole(120, killer)

    expect_whole(chain, raws)
