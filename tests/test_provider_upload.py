"""A large mail on its way: what the master has of it is not sent again, and never mixed."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from postroom import wire
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import Rig, imap, mail

PART = 1_000_000
LARGE = mail(3, b"0123456789abcde\n" * 500_000)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    rig.master.limits = wire.Limits(batch_bytes=PART, part_bytes=PART)
    yield rig
    rig.close()


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    with ScriptedImap({1: mail(1), 3: LARGE}) as server:
        yield server


def sent(rig: Rig) -> list[int]:
    """The offsets of all parts, in order."""
    return [part.offset // PART for part in rig.master.asked(wire.Part)]


def test_a_connection_cut_in_the_middle_does_not_send_again_what_came(
    rig: Rig, server: ScriptedImap
):
    server.cuts[3], server.cut_from = 1, 5 * PART

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted([mail(1), LARGE])
    # One part asks how far it has come.
    assert sorted(sent(rig)) == [0, 0, *range(1, 9)]


def test_a_part_that_is_put_off_does_not_start_it_again(rig: Rig, server: ScriptedImap):
    answers = [wire.Retry(after=0.05, reason="the worker was lost")]
    rig.master.before = lambda e: (
        answers.pop()
        if answers and isinstance(e.request, wire.Part) and e.request.offset == 4 * PART
        else None
    )

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted([mail(1), LARGE])
    assert sorted(sent(rig)) == [0, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8]


def test_a_spool_that_lost_it_gets_it_whole(rig: Rig, server: ScriptedImap):
    lost: list[bool] = []

    def lose(envelope: wire.Envelope) -> None:
        match envelope.request:
            case wire.Part(offset=offset) if offset == 4 * PART and not lost:
                lost.append(True)
                rig.master.forget_uploads()

    rig.master.before = lose

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted([mail(1), LARGE])


def test_other_mails_go_on_while_the_spool_is_full(rig: Rig, server: ScriptedImap):
    rig.master.before = lambda e: (
        wire.Retry(after=600, reason="the spool is full")
        if isinstance(e.request, wire.Part)
        else None
    )

    assert not rig.once(imap(server))

    assert rig.master.raws() == [mail(1)]
    assert server.given[3] == 1


def test_the_name_is_the_same_at_each_try_and_another_for_another_mail(
    rig: Rig, server: ScriptedImap
):
    other = LARGE.replace(b"number 3", b"number 4")
    server.mails = {3: LARGE, 4: LARGE, 5: other}

    assert rig.once(imap(server))
    rig.master.held.clear()
    assert rig.once(imap(server))

    first = [part.upload for part in rig.master.asked(wire.Part) if not part.offset]
    assert first[:3] == first[3:]
    assert len(set(first)) == 3


def test_another_mail_under_the_same_uid_and_size_has_another_name(rig: Rig, server: ScriptedImap):
    assert rig.once(imap(server))
    rig.master.held.clear()
    server.mails[3] = LARGE.replace(b"number 3", b"number 9")
    assert rig.once(imap(server))

    names = [part.upload for part in rig.master.asked(wire.Part) if not part.offset]
    assert all(one != other for one, other in pairwise(names))
    assert server.mails[3] in rig.master.raws()
