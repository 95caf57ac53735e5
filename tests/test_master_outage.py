"""The front's mind: an API that is away, too much at once, and the end."""

import pytest

from master.orders import Note, Order
from master.outage import Outage, growing
from postroom import wire
from tests.queue_world import DONE, World, offer, orders, part, push, stored


@pytest.fixture
def world():
    return World()


AWAY = Note(state="done", status="retry", away="api")


def go_away(world, *workers):
    world.hire(*workers or ("a",))
    world.ask(offer())
    world.finish((workers or ("a",))[0], wire.Retry(after=5, reason="api"), AWAY)


@pytest.mark.parametrize("request_", [push(1), part()])
def test_while_the_api_is_away_no_bodies_are_taken(world, request_):
    go_away(world)
    given = len(world.given)

    world.ask(request_)

    assert len(world.given) == given
    assert isinstance(world.reply(), wire.Retry)


def test_while_the_api_is_away_small_requests_are_the_probe(world):
    go_away(world)

    world.ask(offer("other"))
    world.finish("a", wire.OfferReply())
    world.ask(push(1))

    assert world.given[-1][2]
    assert isinstance(wire.decode_request(world.given[-1][2]).request, wire.Push)


def test_bodies_that_waited_when_the_api_went_away_are_answered(world):
    world.hire("a")
    world.ask(offer())
    world.ask(push(1, mailbox="other"))
    world.finish("a", wire.Retry(after=5, reason="api"), AWAY)

    assert world.reply().reason == "the API does not answer"


def test_the_answer_to_who_found_the_api_away_says_why_and_grows(world):
    go_away(world, "a", "b")
    assert (world.reply().after, world.reply().reason) == (1, "api")

    world.now += 8
    world.ask(offer("other"))
    for worker in world.working()[-2:]:
        world.queue.finished(world.now, worker, AWAY, [])

    assert world._look().reply().after == 8


def test_the_front_asks_the_api_itself(world):
    go_away(world)
    since = len(world.given)
    world.tick(0.4)
    assert orders(world, since) == []

    world.tick(0.2)
    assert orders(world, since) == [Order(kind="probe")]
    assert not world.queue.busy
    world.queue.finished(world.now, "a", AWAY, [])
    world.tick(1.9)
    assert len(orders(world, since)) == 1
    world.tick(0.2)
    assert len(orders(world, since)) == 2
    world.queue.finished(world.now, "a", DONE, [])
    world.ask(push(1))

    assert world.given[-1][1] == Order()


def test_a_worker_that_dies_over_a_probe_is_no_loss_to_anybody(world):
    go_away(world)
    world.tick(1)
    answers = len(world.answers)

    world.lose("a")

    assert len(world.answers) == answers


def test_a_stored_part_says_nothing_about_the_api(world):
    world.hire("a", "b")
    world.ask(part())
    world.ask(offer())
    world.finish("b", wire.Retry(after=5, reason="api"), AWAY)
    world.finish("a", wire.PartReply(received=1))

    world.ask(push(1))

    assert isinstance(world.reply(), wire.Retry)


def test_pauses_grow_with_the_outage_up_to_a_minute(world):
    go_away(world)
    afters = []
    for seconds in (0, 4, 4, 100):
        world.now += seconds
        world.ask(push(1))
        afters.append(world.reply().after)

    assert afters == [1, 4, 8, 60]


def test_jitter_spreads_by_a_quarter_and_stays_within_a_minute():
    assert [growing(8, jitter) for jitter in (0, 0.5, 1)] == [6, 8, 10]
    assert [growing(0, jitter) for jitter in (0, 1)] == [0.75, 1.25]
    assert growing(1000, 1) == 60


def test_an_outage_is_news_once():
    outage = Outage()
    assert not outage.take_probe(0)

    assert [outage.begin(0), outage.begin(1)] == [True, False]
    assert [outage.end(), outage.end()] == [True, False]
    assert outage.after(5, 0.5) == 1


def test_more_bytes_than_fit_are_answered_retry():
    world = World(waiting_bytes=10_000)
    for key in range(1, 4):
        world.ask(push(key, size=6_000))

    assert [r.reason for _, r in world.replies(wire.PushReply)] == [
        "the master has too much in hand",
        "the master has too much in hand",
    ]
    world.hire("a").finish("a", stored(1))
    world.ask(push(9, size=6_000))
    assert len(world.given) == 2


def test_more_requests_than_fit_are_answered_retry():
    world = World(waiting_jobs=2)
    for key in range(1, 4):
        world.ask(push(key))

    assert len(world.answers) == 1


def test_a_body_is_let_go_when_its_worker_has_it(world):
    world.hire("a")
    world.ask(push(1))

    (job,) = world.queue._jobs.values()
    assert job.frames == ()


def test_stopping_finishes_what_is_in_hand_and_sends_back_the_rest(world):
    world.hire("a")
    world.ask(push(1), "in hand")
    world.ask(push(2), "waits")

    world.stop("stop")
    world.ask(push(3), "late")
    assert [peer for peer, _ in world.answers] == ["waits", "late"]
    assert world.queue.busy
    world.finish("a", stored(1))

    assert world.answers[-1][0] == "in hand"
    assert not world.queue.busy


def test_what_does_not_end_in_time_is_sent_back(world):
    go_away(world)
    world.tick(1)
    world.hire("b", "c")
    world.ask(offer("slow"))

    world.stop("stop").stop("abandon")

    assert world.reply().reason == "the master is stopping"
    assert not world.queue.busy
