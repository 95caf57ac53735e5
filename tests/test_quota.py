"""A day's budget of bytes is kept, told, and outlives a restart."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from postroom import wire
from provider.quota import MEGABYTE, Day, Quota
from tests.servers.scripted_imap import ScriptedImap
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.stubs.rig import Rig, imap, mail, pop3
from tests.waiting import wait_until

#: Not all of it: POP3 adds a line end.
THIRD = MEGABYTE // 3 - 100
SPENT = "the day's budget of 1 MB is spent: what is left comes after 00:00 UTC"


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 30, 18, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def next_day(self) -> None:
        self.now = self.now.replace(hour=0) + timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rig(clock: Clock) -> Iterator[Rig]:
    rig = Rig(clock=clock)
    yield rig
    rig.close()


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    with ScriptedImap({}) as server:
        yield server


def sized(number: int, size: int) -> bytes:
    """A mail of exactly so many bytes."""
    return mail(number, b"x" * (size - len(mail(number, b""))))


def third(number: int) -> bytes:
    """Three of these fit into a day of 1 MB, and not much else."""
    return sized(number, THIRD)


def sync(rig: Rig) -> None:
    rig.master.tasks.append(wire.Task(id=len(rig.master.requests), kind="sync"))


def signs(rig: Rig, name: str = "work") -> list[wire.Pass]:
    passes = rig.master.asked(wire.Pass)
    return [told for told in passes if told.mailbox == name and told.window is None]


def signs_of_life(rig: Rig, count: int) -> None:
    """Let so many more come."""
    told = len(signs(rig))
    wait_until(lambda: len(signs(rig)) >= told + count)


def has(rig: Rig, count: int) -> bool:
    return len(rig.master.raws()) == count


def test_it_stops_at_the_budget_and_goes_on_the_next_day(
    rig: Rig, server: ScriptedImap, clock: Clock
):
    server.mails = {uid: third(uid) for uid in range(1, 8)}
    rig.serve(imap(server, day_megabytes=1, poll_seconds=0.05))

    for count in (3, 6):
        wait_until(partial(has, rig, count))
        signs_of_life(rig, 3)
        assert server.given.total() == count
        clock.next_day()
        sync(rig)
    wait_until(lambda: rig.master.raws() == sorted(server.mails.values()))

    wait_until(lambda: not signs(rig)[-1].error)
    assert set(server.given.values()) == {1}
    assert rig.master.receipts[0].missing == 4


def test_the_state_says_so_and_when_it_goes_on(rig: Rig, server: ScriptedImap, clock: Clock):
    server.mails = {uid: third(uid) for uid in range(1, 8)}
    rig.serve(imap(server, day_megabytes=1))

    wait_until(lambda: rig.master.errors)

    assert set(rig.master.errors) == {SPENT}
    assert signs(rig)[-1].next_try == timedelta(hours=6).total_seconds()
    assert signs(rig)[-1].resting


def test_a_spent_mailbox_is_disconnected_and_left_alone(rig: Rig, server: ScriptedImap):
    server.capabilities = "IMAP4rev1 IDLE"
    server.mails = {uid: third(uid) for uid in range(1, 8)}
    rig.serve(imap(server, day_megabytes=1, poll_seconds=0.05))
    wait_until(lambda: rig.master.errors)
    wait_until(lambda: not server.logged_in)
    said = len(server.commands)

    signs_of_life(rig, 3)

    assert (len(server.commands), server.connections) == (said, 1)


def test_a_mail_that_does_not_fit_waits_while_smaller_ones_come(
    rig: Rig, server: ScriptedImap, clock: Clock
):
    server.mails = {1: mail(1), 2: sized(2, MEGABYTE // 2), 3: sized(3, MEGABYTE // 2 + 1)}
    rig.serve(imap(server, day_megabytes=1, poll_seconds=0.05))
    wait_until(lambda: rig.master.raws() == sorted([server.mails[1], server.mails[3]]))

    server.mails[4] = mail(4)
    wait_until(lambda: mail(4) in rig.master.raws())
    assert not server.given[2]

    clock.next_day()
    wait_until(lambda: rig.master.raws() == sorted(server.mails.values()))


def test_mails_beyond_the_whole_budget_begin_a_day_when_nothing_else_waits_and_not_each_day(
    rig: Rig, server: ScriptedImap, clock: Clock
):
    huge = {uid: sized(uid, 2 * MEGABYTE) for uid in (3, 4)}
    server.mails = {1: mail(1), **huge}
    rig.serve(imap(server, day_megabytes=1, poll_seconds=0.05))
    wait_until(lambda: rig.master.raws() == [mail(1)])
    wait_until(lambda: rig.master.errors)
    assert not server.given[4]

    clock.next_day()
    wait_until(lambda: len(rig.master.raws()) == 2)
    server.mails[5] = mail(5)
    clock.next_day()
    sync(rig)
    wait_until(lambda: mail(5) in rig.master.raws())
    assert len(rig.master.raws()) == 3

    clock.next_day()
    wait_until(lambda: rig.master.raws() == sorted(server.mails.values()))


def test_a_huge_mail_that_never_comes_does_not_hold_up_the_others(clock: Clock):
    quota = Quota(Day(clock), MEGABYTE)
    assert quota.reserve(2 * MEGABYTE)
    quota.give_back(2 * MEGABYTE)

    clock.next_day()
    assert not quota.reserve(2 * MEGABYTE)
    assert quota.reserve(100)


def test_mails_that_are_larger_than_told_are_counted_as_they_come(rig: Rig, server: ScriptedImap):
    server.size_factor = 0.001
    server.mails = {uid: sized(uid, 3 * MEGABYTE) for uid in range(1, 4)}

    assert rig.once(imap(server, day_megabytes=4), "first")
    assert not rig.once(imap(server, day_megabytes=4), "second")

    # What one batch brings is known afterwards.
    assert server.given.total() == 3


def test_a_large_mail_is_counted_as_it_comes(rig: Rig, server: ScriptedImap):
    server.mails = {1: sized(1, 6 * MEGABYTE)}
    source = imap(server, day_megabytes=10)

    assert rig.once(source)

    assert rig.shared.accounts.of(source.fingerprint).day.used() == 6 * MEGABYTE


def test_what_breaks_off_counts_too(rig: Rig, server: ScriptedImap):
    server.mails = {1: third(1)}
    server.cuts[1] = 1
    source = imap(server, day_megabytes=1)

    assert rig.once(source)

    assert rig.shared.accounts.of(source.fingerprint).day.used() == 2 * THIRD


def test_other_accounts_are_not_disturbed(rig: Rig, server: ScriptedImap):
    server.mails = {uid: third(uid) for uid in range(1, 8)}
    rig.serve(imap(server, day_megabytes=1))
    wait_until(lambda: rig.master.errors)

    rig.serve(imap(server, "other", poll_seconds=0.05), "other")

    wait_until(lambda: len(rig.master.raws("other")) == 7)
    assert len(rig.master.raws("work")) == 3
    wait_until(lambda: signs(rig, "other"))
    assert {sign.error for sign in signs(rig, "other")} == {""}


def test_mailboxes_of_one_account_share_its_day(rig: Rig, server: ScriptedImap):
    server.mails = {uid: third(uid) for uid in range(1, 8)}

    assert not rig.once(imap(server, day_megabytes=1), "one")
    assert not rig.once(imap(server, day_megabytes=1, folders=("Archive",)), "two")

    assert server.given.total() == 3


def test_a_restart_does_not_begin_the_day_anew(rig: Rig, server: ScriptedImap, clock: Clock):
    server.mails = {uid: third(uid) for uid in range(1, 8)}
    rig.master.today_bytes = 2 * THIRD

    assert not rig.once(imap(server, day_megabytes=1))
    assert server.given.total() == 1

    rig.master.today_bytes = 0
    clock.next_day()
    assert not rig.once(imap(server, day_megabytes=1))
    assert server.given.total() == 4


def test_what_is_told_of_a_day_that_is_over_does_not_count(clock: Clock):
    quota = Quota(Day(clock), MEGABYTE)
    asked = quota.today()

    clock.next_day()
    quota.told(asked, MEGABYTE)

    assert not quota.is_spent


def test_a_task_to_fetch_one_is_told_why_not(rig: Rig, server: ScriptedImap):
    server.mails = {uid: third(uid) for uid in range(1, 8)}
    rig.serve(imap(server, day_megabytes=1))
    wait_until(lambda: rig.master.errors)

    rig.master.tasks.append(wire.Task(id=1, kind="fetch", target={"key": 1}))

    wait_until(lambda: (1, SPENT) in [done for told in signs(rig) for done in told.done])
    assert server.given.total() == 3


# --- POP3 without UIDL and TOP, where mails are read to know which they are


@pytest.fixture
def bare() -> Iterator[ScriptedPop3]:
    server = ScriptedPop3({})
    server.capabilities, server.unknown = ["USER"], {"UIDL", "TOP"}
    server.start()
    yield server
    server.close()


def test_pop3_counts_what_is_read_only_to_know_it(rig: Rig, bare: ScriptedPop3, clock: Clock):
    bare.mails = {str(n): third(n) for n in range(2)}
    rig.serve(pop3(bare, day_megabytes=1, poll_seconds=0.05))
    wait_until(lambda: rig.master.errors)
    assert len(rig.master.raws()) == 1
    assert len(bare.said("RETR")) == 3

    clock.next_day()
    sync(rig)

    wait_until(lambda: len(rig.master.raws()) == 2)


def test_pop3_reads_nothing_when_the_day_was_spent_before(rig: Rig, bare: ScriptedPop3):
    bare.mails = {"1": third(1)}
    rig.master.today_bytes = MEGABYTE

    assert not rig.once(pop3(bare, day_megabytes=1))

    assert bare.said("RETR") == []
    assert set(rig.master.errors) == {SPENT}
