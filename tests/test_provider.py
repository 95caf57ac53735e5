"""The provider's loop against a master that is slow, away or full."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from postroom import wire
from postroom.credentials import Credentials
from provider import samples
from provider.sources import Source
from provider.sources.maildir import MaildirFolder, MaildirOptions, MaildirSource
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur"):
        (tmp_path / name).mkdir()
    for number in range(10):
        deliver(tmp_path, number)
    return tmp_path


def deliver(maildir: Path, number: int) -> None:
    (maildir / "new" / f"{number:03}.x").write_bytes(mail(number))


def source(maildir: Path) -> Source:
    return MaildirSource(MaildirOptions(path=str(maildir)), Credentials(), Path)


def first(kind: type, answer: Any) -> Any:
    """Answer the first request of a kind so; for StubMaster.before."""
    left = [answer]
    return lambda envelope: left.pop() if left and isinstance(envelope.request, kind) else None


def test_a_push_that_the_master_cannot_take_is_offered_again(rig: Rig, maildir: Path):
    rig.master.before = first(wire.Push, wire.Retry(after=0.1, reason="the API is away"))

    assert rig.once(source(maildir))

    assert len(rig.master.raws()) == 10
    assert len(rig.master.asked(wire.Push)) == 2


def test_an_item_that_is_to_be_tried_again_is_offered_again(rig: Rig, maildir: Path):
    def once(envelope: wire.Envelope) -> Any:
        if not isinstance(envelope.request, wire.Push):
            return None
        rig.master.before = lambda _: None
        answer = rig.master.answer(envelope)
        again = answer.items[0]
        place = next(p for p in rig.master.held if p.key == again.key)
        del rig.master.held[place]
        answer.items[0] = wire.ItemReply(key=again.key, status="retry", after=0.05)
        return answer

    rig.master.before = once

    assert rig.once(source(maildir))

    assert len(rig.master.held) == 10
    assert [len(push.items) for push in rig.master.asked(wire.Push)] == [10, 1]


def test_an_item_that_is_put_off_for_long_holds_up_no_older_mail(rig: Rig, maildir: Path):
    rig.master.limits = wire.Limits(batch_items=1)
    no = wire.ItemReply(key="009.x", status="retry", after=600)
    rig.master.before = lambda e: (
        wire.PushReply(items=[no])
        if isinstance(e.request, wire.Push) and e.request.items[0].key == no.key
        else None
    )

    assert not rig.once(source(maildir))

    assert len(rig.master.held) == 9
    assert rig.master.receipts[0].missing == 1
    assert [item.key for item in rig.master.pushed()].count("009.x") == 1


def test_a_pass_is_closed_when_an_item_is_put_off_again_and_again(rig: Rig, maildir: Path):
    def put_off(envelope: wire.Envelope) -> Any:
        if not isinstance(envelope.request, wire.Push):
            return None
        answer = rig.master.answer(envelope)
        keys = [item.key for item in answer.items]
        if "005.x" in keys:
            del rig.master.held[next(p for p in rig.master.held if p.key == "005.x")]
            at = keys.index("005.x")
            answer.items[at] = wire.ItemReply(key="005.x", status="retry", after=0.01)
        return answer

    rig.master.before = put_off

    assert not rig.once(source(maildir))

    assert rig.master.receipts[0].missing == 1
    assert [len(push.items) for push in rig.master.asked(wire.Push)] == [10, 1, 1, 1]


def test_a_pass_is_closed_when_the_master_takes_nothing(rig: Rig, maildir: Path):
    rig.master.limits = wire.Limits(batch_items=1)
    rig.master.before = lambda e: (
        wire.Retry(after=0.01, reason="the disk is full")
        if isinstance(e.request, wire.Push)
        else None
    )

    assert not rig.once(source(maildir))

    assert rig.master.receipts[0].missing == 10


def test_no_bodies_are_sent_while_offers_are_put_off(rig: Rig, maildir: Path):
    answers = [wire.Retry(after=0.01, reason="the API is away")] * 5
    rig.master.before = lambda e: (
        answers.pop() if answers and isinstance(e.request, wire.Offer) else None
    )

    assert rig.once(source(maildir))

    assert len(rig.master.asked(wire.Push)) == 1
    assert not answers


def test_hello_is_said_again_when_the_master_does_not_know_the_mailbox(rig: Rig, maildir: Path):
    rig.master.before = first(
        wire.Offer, wire.Refusal(code="unknown_mailbox", message="say HELLO first")
    )

    assert rig.once(source(maildir))

    assert len(rig.master.asked(wire.Hello)) == 2


def test_a_part_that_the_master_cannot_take_is_sent_again(rig: Rig, maildir: Path):
    large = mail(100, b"x" * 9_000_000)
    (maildir / "new" / "100.x").write_bytes(large)
    rig.master.before = first(wire.Part, wire.Retry(after=0.05, reason="the spool is full"))

    assert rig.once(source(maildir))

    assert large in rig.master.raws()


def test_batches_keep_to_the_limits(rig: Rig, maildir: Path):
    rig.master.limits = wire.Limits(batch_items=4, batch_bytes=1_000)

    assert rig.once(source(maildir))

    # Several lanes carry them: they may come in any order.
    assert sorted(len(push.items) for push in rig.master.asked(wire.Push)) == [2, 4, 4]


def test_a_waiting_source_gives_signs_of_life(rig: Rig, maildir: Path):
    rig.serve(source(maildir))

    wait_until(lambda: len([p for p in rig.master.asked(wire.Pass) if not p.window]) >= 3)


def test_a_task_to_look_at_once_is_carried_out_and_told(rig: Rig, maildir: Path):
    rig.serve(source(maildir))
    wait_until(lambda: rig.master.receipts)

    rig.master.tasks.append(wire.Task(id=7, kind="sync"))

    wait_until(lambda: not rig.master.tasks)


def test_a_task_to_fetch_a_mail_again_is_carried_out_and_told(rig: Rig, maildir: Path):
    rig.serve(source(maildir))
    wait_until(lambda: rig.master.receipts)

    target = {"folder": "INBOX", "key": "003.x"}
    rig.master.tasks.append(wire.Task(id=8, kind="fetch", target=target))

    wait_until(lambda: not rig.master.tasks)
    assert [item.key for item in rig.master.pushed()].count("003.x") == 2


@pytest.mark.parametrize(
    ("kind", "target", "word"),
    [
        ("dance", {}, "no task of the kind"),
        ("fetch", {}, "names no key"),
        ("fetch", {"folder": "Nowhere", "key": "a"}, "no Maildir"),
        ("fetch", {"folder": "INBOX", "key": "001.x", "uidvalidity": 99}, "UIDs anew"),
    ],
)
def test_a_task_that_cannot_be_done_is_told_so(
    rig: Rig, maildir: Path, kind: str, target: dict[str, Any], word: str
):
    rig.master.tasks.append(wire.Task(id=9, kind=kind, target=target))

    rig.serve(source(maildir))

    wait_until(lambda: not rig.master.tasks)
    results = [result for request in rig.master.asked(wire.Pass) for _, result in request.done]
    assert word in results[0]


def test_a_task_to_look_at_once_shortens_one_rest_only_and_is_told_why_it_failed(rig: Rig):
    server = ScriptedImap({1: mail(1)}).start()
    server.logins = ["NO [AUTHENTICATIONFAILED] wrong password"] * 1_000
    rig.master.tasks.append(wire.Task(id=11, kind="sync"))

    rig.serve(imap(server))

    wait_until(lambda: not rig.master.tasks)
    told = len(rig.master.asked(wire.Pass))
    wait_until(lambda: len(rig.master.asked(wire.Pass)) >= told + 5)
    (result,) = [text for request in rig.master.asked(wire.Pass) for _, text in request.done]
    assert "wrong password" in result
    assert len(server.said("^LOGIN")) == 2
    server.close()


def test_a_long_result_of_a_task_is_cut_to_what_the_wire_holds(rig: Rig, maildir: Path):
    names = tuple(f"Folder-with-a-long-name-that-is-not-there-{n:03}" for n in range(60))
    options = MaildirOptions(path=str(maildir), folders=names)
    rig.master.tasks.append(wire.Task(id=12, kind="sync"))

    rig.serve(MaildirSource(options, Credentials(), Path))

    wait_until(lambda: not rig.master.tasks)
    (result,) = [text for request in rig.master.asked(wire.Pass) for _, text in request.done]
    assert len(result) == 1_000


@pytest.mark.parametrize(
    ("held", "there", "same"),
    [
        ("caf\xe9@x", "<caf\ufffd@x>", True),
        ("café@x", "<=?iso-8859-1?q?caf=E9?=@x>", True),
        ("ab@x", "<a\x00b@x>", True),
        ("a" * 2_000, f"<{'a' * 3_000}@x>", True),
        ("", "<a@x>", True),
        ("a@x", "<b@x>", False),
        ("a@x", "", False),
    ],
)
def test_only_message_ids_that_no_parser_changes_tell_a_renumbering(
    held: str, there: str, same: bool
):
    class Told(MaildirFolder):
        def samples(self, keys: Sequence[wire.Key]) -> list[wire.Sample]:
            return [wire.Sample(key=key, size=9, message_id=there) for key in keys]

    folder = Told.__new__(Told)

    assert samples.hold(folder, [wire.Sample(key="1", size=9, message_id=held)]) == same


def test_verify_compares_and_lists_again(rig: Rig, maildir: Path):
    rig.serve(source(maildir))
    wait_until(lambda: rig.master.receipts)

    rig.master.tasks.append(wire.Task(id=10, kind="verify"))

    wait_until(lambda: len(rig.master.receipts) == 2)


def test_two_providers_on_one_mailbox_store_each_mail(rig: Rig, maildir: Path):
    rig.serve(source(maildir), "work")
    rig.serve(source(maildir), "work")

    wait_until(lambda: len(rig.master.receipts) >= 2)

    assert len(rig.master.raws()) == 10


def test_ten_mailboxes_share_one_small_budget(tmp_path: Path):
    rig = Rig(budget=1_000)
    for mailbox in range(10):
        for name in ("new", "cur"):
            (tmp_path / str(mailbox) / name).mkdir(parents=True)
        for number in range(20):
            deliver(tmp_path / str(mailbox), number)
        rig.serve(source(tmp_path / str(mailbox)), f"box{mailbox}")

    wait_until(lambda: len(rig.master.held) == 200)

    rig.close()


def test_slow_large_mails_do_not_stop_another_mailbox(rig: Rig, maildir: Path):
    large, ended, waiting = mail(1, b"x" * 9_000_000), threading.Event(), []

    class Slow(ScriptedImap):
        def _body(self, *told: Any) -> Iterator[bytes]:
            for piece in super()._body(*told):
                if len(piece) > 10_000:
                    waiting.append(self)
                    ended.wait(20)
                yield piece

    servers = [Slow({1: large}).start() for _ in range(4)]
    for number, server in enumerate(servers):
        rig.serve(imap(server), f"slow{number}")
    wait_until(lambda: len(waiting) == len(servers))

    rig.serve(source(maildir), "quick")

    wait_until(lambda: len(rig.master.raws("quick")) == 10)
    assert not rig.master.raws("slow0")
    ended.set()
    wait_until(lambda: all(rig.master.raws(f"slow{n}") == [large] for n in range(4)), 20)
    for server in servers:
        server.close()
