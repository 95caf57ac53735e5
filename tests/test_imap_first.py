"""How far back the first pass of an IMAP mailbox goes, and what comes after it."""

import pytest

from postroom import wire
from provider.sources.imap.options import ImapOptions
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.master import LOST
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until


class DatedImap(ScriptedImap):
    """Its mails are old but for those in `young`."""

    def __init__(self, mails: dict[int, bytes]) -> None:
        super().__init__(mails)
        self.young: set[int] = set()

    def _numbered(self, numbers: str) -> list[int]:
        found = super()._numbered(numbers)
        dated = "SINCE" in self.commands[-1]
        return [uid for uid in found if uid in self.young] if dated else found


def test_the_first_pass_may_take_the_newest_alone(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(30)))

    rig.once(imap(dovecot, first="newest 10"))

    assert rig.master.raws() == sorted(mail(n) for n in range(20, 30))


def test_more_new_mails_than_the_first_pass_took_all_come(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(30)))
    rig.once(imap(dovecot, first="newest 5"))
    dovecot.deliver("work", (mail(n) for n in range(30, 60)))

    rig.once(imap(dovecot, first="newest 5"))

    assert len(rig.master.raws()) == 35


def test_a_hole_left_by_an_interrupted_pass_is_filled(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(1, 61)))
    rig.once(imap(dovecot))
    for place in list(rig.master.held):
        if place.key not in (10, 59, 60):
            del rig.master.held[place]

    rig.once(imap(dovecot, first="newest 5"))

    assert {place.key for place in rig.master.held} == set(range(10, 61))


def test_the_first_pass_may_begin_at_a_day(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1)], received=1_500_000_000)
    dovecot.deliver("work", [mail(2), mail(3)], received=1_700_000_000)

    rig.once(imap(dovecot, first="since 2020-01-01"))

    assert rig.master.raws() == [mail(2), mail(3)]


def test_a_day_after_all_mails_brings_none_and_the_next_one(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1)], received=1_500_000_000)

    assert rig.once(imap(dovecot, first="since 2020-01-01"))

    assert rig.master.raws() == []
    dovecot.deliver("work", [mail(2)])
    rig.once(imap(dovecot, first="since 2020-01-01"))
    assert rig.master.raws() == [mail(2)]


@pytest.mark.parametrize("tells_uidnext", [True, False])
def test_new_mail_comes_where_none_was_young_enough_at_the_start(rig: Rig, tells_uidnext: bool):
    server = DatedImap({1: mail(1), 2: mail(2)}).start()
    server.tells_uidnext = tells_uidnext
    rig.serve(imap(server, first="since 2020-01-01", poll_seconds=0.05))
    wait_until(lambda: rig.master.receipts)

    server.young.add(3)
    server.mails[3] = mail(3)

    wait_until(rig.master.raws)
    assert rig.master.raws() == [mail(3)]
    server.close()


def test_mails_that_the_store_lost_come_again_whatever_the_first_pass_took(
    rig: Rig, dovecot: Dovecot
):
    dovecot.deliver("work", (mail(n) for n in range(1, 21)))
    rig.once(imap(dovecot))
    for place, held in rig.master.held.items():
        rig.master.held[place] = held._replace(status=LOST)
    rig.master.downloaded.clear()

    assert rig.once(imap(dovecot, first="newest 5"))

    assert len(rig.master.downloaded) == 20


def test_uids_given_anew_in_silence_below_the_cut_are_offered(rig: Rig):
    server = ScriptedImap({uid: mail(uid) for uid in range(1, 31)}).start()
    rig.serve(imap(server, first="newest 5", poll_seconds=0.05))
    wait_until(lambda: len(rig.master.raws()) == 5)

    server.mails = {uid: mail(uid + 100) for uid in range(1, 4)}

    wait_until(lambda: len(rig.master.raws()) == 8)
    server.close()


def test_after_a_silent_renumbering_the_cut_counts_no_more(rig: Rig):
    server = ScriptedImap({uid: mail(uid) for uid in range(1, 31)}).start()
    rig.serve(imap(server, first="newest 5", poll_seconds=0.05))
    wait_until(lambda: rig.master.receipts)

    server.mails = {uid: mail(uid + 100) for uid in range(1, 31)}
    rig.master.tasks = [wire.Task(id=1, kind="verify")]

    wait_until(lambda: rig.master.receipts[-1].listed == 30)
    assert len(rig.master.raws()) == 35
    generations = [told.generation for told in rig.master.asked(wire.Pass)]
    assert [each for each in generations if each is not None][-1] == 1
    server.close()


@pytest.mark.parametrize("first", ["newest", "newest 0", "newest x", "since yesterday", "some"])
def test_a_first_that_says_nothing_is_refused(first: str):
    with pytest.raises(ValueError, match="expected all, newest N or since"):
        ImapOptions(first=first)
