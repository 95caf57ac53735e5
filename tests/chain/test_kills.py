"""kill -9 at any point: nothing lost, nothing doubled."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chain.conftest import account
from tests.chain.mails import hashes, mails
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.supervised import RandomKiller, Supervised

KILLING = Path(__file__).parents[1] / "servers" / "killing"
POINTS = [
    "provider.pushes:Pushes._send:before:2",
    "provider.pushes:Pushes._send:after:2",
    "provider.pushes:Pushes._read:before:2",
    "master.queue:Queue.arrived:after:6",
    "master.queue:Queue.finished:before:6",
    "master.queue:Queue.finished:after:6",
    "master.intake:Intake.take:before:2",
    "master.intake:Intake.take:after:2",
    "master.sinks.api:ApiSink.deliver:before:2",
    "master.sinks.api:ApiSink.deliver:after:2",
    "api.ingest:ingest:before:2",
    "api.contents:insert:after:2",
    "api.places:settle:after:2",
    "api.ingest:_ingest:after:2",
    "api.ingest:ingest:after:2",
    "api.receipts:take:after:1",
]


def expect_whole(chain: Daemons, raws: list[bytes]) -> None:
    """Every mail is stored once, readable, and the receipt says so."""
    assert sorted(chain.hashes()) == hashes(raws)
    receipt = chain.last_receipt()
    assert (receipt["stored"], receipt["missing"]) == (len(raws), 0)
    events = [event for event in chain.items("/v1/events") if event["kind"] == "mail.stored"]
    assert len(events) == len(raws)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point(
    dovecot: Dovecot, daemons: Callable[..., Daemons], point: str, tmp_path: Path
) -> None:
    raws = mails(120)
    dovecot.deliver("work", raws)
    flag = tmp_path / "killed"
    chain = daemons({"work": account(dovecot)}, {"master": {"batch_mails": 30}})
    chain.environment = {
        "PYTHONPATH": str(KILLING),
        "POSTROOM_KILL_AT": point,
        "POSTROOM_KILL_FLAG": str(flag),
    }
    chain.start("api", "master")

    Supervised(chain).run_until_whole(60)

    assert flag.exists(), "the point was never reached"
    expect_whole(chain, raws)


def test_killed_at_random(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> None:
    raws = mails(1200)
    dovecot.deliver("work", raws)
    chain = daemons({"work": account(dovecot)}, {"master": {"batch_mails": 20}})
    chain.start("api", "master")
    killer = RandomKiller(kills=10, seed=7)

    Supervised(chain).run_until_whole(120, killer)

    expect_whole(chain, raws)
