"""The front's mind: who works on what, and who is answered, with times handed in."""

import pytest

from master.answers import Answers
from master.orders import Note
from master.outage import LONGEST_SECONDS
from postroom import wire
from tests.queue_world import DONE, PLACE, World, offer, part, push, stored


@pytest.fixture
def world():
    return World()


def test_a_request_goes_to_an_idle_worker_and_its_answer_to_the_peer(world):
    world.hire("a")
    id_ = world.ask(push(1), "peer")

    world.finish("a", stored(1))

    assert world.working() == ["a"]
    assert world.replies(wire.PushReply) == [
        ("peer", wire.PushReply(id=id_, items=stored(1).items))
    ]


def test_a_worker_has_one_request_at_a_time(world):
    world.hire("a")
    world.ask(push(1))
    world.ask(push(2))
    assert world.working() == ["a"]

    world.finish("a", stored(1))

    assert world.working() == ["a", "a"]


def test_what_waits_goes_to_the_first_worker_that_is_free(world):
    world.ask(push(1))
    world.hire("a", "b")
    world.ask(push(2))

    assert world.working() == ["a", "b"]


def test_a_request_sent_again_joins_the_work_in_hand(world):
    world.hire("a", "b")
    for peer in ("first", "second", "second"):
        world.ask(push(1), peer)

    world.finish("a", stored(1))

    assert world.working() == ["a"]
    assert [peer for peer, _ in world.answers] == ["first", "second"]


def test_a_request_sent_again_joins_the_work_that_waits(world):
    world.ask(push(1), "first")
    world.ask(push(1), "second")
    world.hire("a", "b").finish("a", stored(1))

    assert world.working() == ["a"]
    assert len(world.answers) == 2


def test_whoever_asks_for_ever_has_bounded_ways_back(world):
    for number in range(100):
        world.ask(push(1), f"peer-{number}")
    world.hire("a").finish("a", stored(1))

    assert [peer for peer, _ in world.answers] == [f"peer-{n}" for n in range(84, 100)]


def test_an_answer_is_kept_for_a_minute(world):
    world.hire("a")
    world.ask(push(1), "first")
    world.finish("a", stored(1))
    world.now += 59
    world.ask(push(1), "again")
    assert world.working() == ["a"]

    world.now += 2
    world.ask(push(1), "late")

    assert world.working() == ["a", "a"]
    assert [peer for peer, _ in world.answers] == ["first", "again"]


def test_retry_is_never_kept(world):
    world.hire("a")
    world.ask(push(1))
    world.finish("a", wire.Retry(after=1, reason="disk"), Note(state="done", status="retry"))

    world.ask(push(1))

    assert world.working() == ["a", "a"]


def test_a_refusal_is_kept_like_any_answer(world):
    world.hire("a")
    world.ask(push(1))
    refusal = wire.Refusal(code="epoch", message="say HELLO")
    world.finish("a", refusal, Note(state="done", status="error"))

    world.ask(push(1))

    assert world.working() == ["a"]
    assert [reply.code for _, reply in world.replies(wire.PushReply)] == ["epoch", "epoch"]


def test_kept_answers_are_bounded_in_number_and_bytes():
    few, small = Answers(most=2), Answers(most_bytes=25)
    for name in "abc":
        few.keep(0, name, [b"x"])
        small.keep(0, name, [b"x" * 10])
    few.keep(0, "c", [b"y"])

    assert [few.find(0, name) for name in "abc"] == [None, [b"x"], [b"y"]]
    assert [bool(small.find(0, name)) for name in "abc"] == [False, True, True]
    assert (len(few), len(small)) == (2, 2)


def test_a_busy_mailbox_does_not_delay_a_quiet_one(world):
    for key in range(1, 4):
        world.ask(push(key, mailbox="busy"))
    world.ask(offer("quiet"))
    world.ask(part())
    world.hire("a", "b", "c", "d", "e")

    requests = [wire.decode_request(frames).request for _, _, frames in world.given]
    assert [getattr(r, "mailbox", "part") for r in requests] == [
        "busy",
        "quiet",
        "part",
        "busy",
        "busy",
    ]


def test_a_worker_past_its_deadline_is_overdue(world):
    world.hire("a", "b")
    world.ask(push(1))

    assert world.queue.overdue(59.9) == []
    assert world.queue.overdue(60.1) == ["a"]


def test_a_large_request_has_a_later_deadline(world):
    world.hire("a")
    upload = wire.Upload(id="0" * 32, size=100_000_000, sha256="0" * 64)
    world.ask(wire.Push(mailbox="w", items=[wire.Item(key=1, upload=upload)], **PLACE))

    assert world.queue.overdue(159) == []
    assert world.queue.overdue(161) == ["a"]


def test_the_work_of_a_lost_worker_is_answered_retry(world):
    world.hire("a")
    world.ask(push(1, 2))

    world.lose("a")

    assert (world.reply().after, world.reply().reason) == (1.0, "the worker was lost")
    assert not world.queue.busy


def test_losses_in_a_row_mean_longer_pauses(world):
    for number in range(10):
        world.hire(f"w{number}")
        world.ask(offer())
        world.lose(f"w{number}")
    assert [r.after for _, r in world.replies(wire.OfferReply)][:4] == [1, 2, 4, 8]
    assert world.reply().after == LONGEST_SECONDS

    world.hire("a")
    world.ask(offer("other"))
    world.finish("a", wire.OfferReply())
    world.ask(offer())
    world.lose("a")

    assert world.reply().after == 1


def test_an_idle_worker_that_dies_gets_no_work(world):
    world.hire("a").lose("a")
    world.ask(push(1))

    assert world.given == []
    world.lose("nobody")
    world.queue.finished(0, "nobody", DONE, [])
    assert world.hire("b").working() == ["b"]
