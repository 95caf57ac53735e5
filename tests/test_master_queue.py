"""The front's mind: each rule of the wire contract, with times handed in."""

from typing import Any

import pytest

from master.answers import Answers
from master.orders import Note, Order
from master.outage import LONGEST_SECONDS, Outage, growing
from master.queue import Limits, Queue
from master.strikes import Strikes
from postroom import wire

HELLO = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")
DONE = Note(state="done")
PLACE: dict[str, Any] = {"epoch": 1, "folder": "INBOX", "uidvalidity": 7}


def offer(mailbox="work"):
    return wire.Offer(mailbox=mailbox, **PLACE)


def push(*keys, mailbox="work", size=1, serial=0):
    items = [wire.Item(key=key, length=size) for key in keys]
    return wire.Push(mailbox=mailbox, items=items, serial=serial, **PLACE)


def part(upload="0" * 32):
    return wire.Part(upload=upload, offset=0)


def stored(*keys):
    return wire.PushReply(items=[wire.ItemReply(key=key, status="stored") for key in keys])


class World:
    """A queue and what came out of it."""

    def __init__(self, **limits):
        self.now = 0.0
        self.queue = Queue(Limits(**limits), lambda: 0.5)
        self.answers = []
        #: (worker, order, frames), newest last.
        self.given = []
        self._held = {}

    def hire(self, *workers):
        for worker in workers:
            self.queue.idle(self.now, worker)
        return self._look()

    def ask(self, request, peer="peer"):
        body = [bytes(i.length) for i in request.items] if isinstance(request, wire.Push) else []
        body = [b"x"] if isinstance(request, wire.Part) else body
        frames = wire.encode_request(request, body)
        envelope = wire.decode_request(frames)
        self.queue.arrived(self.now, (peer.encode(), b""), envelope, frames)
        self._look()
        return envelope.id

    def finish(self, worker, reply, note=DONE):
        id_ = next(e.id for w, e in reversed(self._held[worker]) if w == worker)
        self.queue.finished(self.now, worker, note, wire.encode_reply(reply, id_))
        return self._look()

    def lose(self, worker):
        self.queue.lost(self.now, worker)
        return self._look()

    def tick(self, seconds):
        self.now += seconds
        self.queue.tick(self.now)
        return self._look()

    def stop(self, how):
        getattr(self.queue, how)(self.now)
        return self._look()

    def replies(self, kind):
        return [(peer, wire.decode_reply(frames, kind)) for peer, frames in self.answers]

    def reply(self, kind=wire.PushReply):
        return wire.decode_reply(self.answers[-1][1], kind)

    def working(self):
        return [worker for worker, _, _ in self.given]

    def _look(self):
        answers, assignments = self.queue.take()
        self.answers += [(r[0].decode(), a.frames) for a in answers for r in a.routes]
        for worker, order, frames in assignments:
            self.given.append((worker, order, frames))
            if frames:
                held = self._held.setdefault(worker, [])
                held.append((worker, wire.decode_request(frames)))
        return self


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
    world.queue.parsed("nobody")
    world.queue.finished(0, "nobody", DONE, [])
    assert world.hire("b").working() == ["b"]


def orders(world, since):
    return [order for _, order, _ in world.given[since:]]


def struck(world, *keys, times=1):
    """Let a worker die over these items."""
    for number in range(times):
        world.hire(f"victim-{number}")
        world.ask(push(*keys, serial=1000 + number))
        for worker, _, _ in world.given[-len(keys) :]:
            world.lose(worker)
    world.queue.take()
    return len(world.given)


def test_items_with_a_strike_are_tried_one_by_one_and_the_rest_together(world):
    since = struck(world, 2, 4)
    world.hire("a", "b", "c")

    world.ask(push(1, 2, 3, 4))

    assert orders(world, since) == [Order(only=(0, 2)), Order(only=(1,)), Order(only=(3,))]


def test_the_portions_make_one_answer_in_the_order_of_the_push(world):
    struck(world, 2)
    world.answers.clear()
    world.hire("a", "b")
    world.ask(push(1, 2, 3))

    world.finish("b", stored(2))
    assert world.answers == []
    world.finish("a", stored(1, 3))

    assert [item.key for item in world.reply().items] == [1, 2, 3]


def test_portions_wait_for_one_worker_and_carry_the_frames_each(world):
    since = struck(world, 2, 3)
    world.hire("a")
    world.ask(push(2, 3))
    world.finish("a", stored(2))
    world.finish("a", stored(3))

    assert orders(world, since) == [Order(only=(0,)), Order(only=(1,))]
    assert [item.key for item in world.reply().items] == [2, 3]


def test_a_loss_in_a_portion_says_retry_for_its_items_alone(world):
    struck(world, 2)
    world.hire("a", "b")
    world.ask(push(1, 2, 3))
    world.finish("a", stored(1, 3))
    world.lose("b")

    assert [item.status for item in world.reply().items] == ["stored", "retry", "stored"]


def test_when_all_portions_say_retry_so_does_the_answer(world):
    struck(world, 2)
    world.hire("a", "b")
    world.ask(push(1, 2))
    note = Note(state="done", status="retry")
    world.finish("a", wire.Retry(after=9, reason="disk"), note)
    world.finish("b", wire.Retry(after=3, reason="disk"), note)

    assert (world.reply().after, world.reply().reason) == (9, "disk")
    assert not world.queue.busy


def test_a_refusal_of_one_portion_is_the_answer(world):
    struck(world, 2)
    world.hire("a", "b")
    world.ask(push(1, 2))
    world.finish("a", stored(1))
    world.finish("b", wire.Refusal(code="epoch", message=""), Note(state="done", status="error"))

    assert world.reply().code == "epoch"


def test_an_item_with_two_strikes_is_not_parsed_again(world):
    since = struck(world, 2, times=2)
    world.hire("a", "b")

    world.ask(push(1, 2))

    assert orders(world, since) == [Order(only=(0,)), Order(only=(1,), raw=(1,))]


def test_strikes_are_forgotten_when_a_worker_lives(world):
    struck(world, 2)
    world.hire("a")
    world.ask(push(2))
    world.finish("a", stored(2))

    world.ask(push(2, serial=5))

    assert world.given[-1][1] == Order()


def test_a_worker_lost_after_parsing_gives_no_strike(world):
    world.hire("a", "b")
    world.ask(push(1))
    world.queue.parsed("a")
    world.lose("a")

    world.ask(push(1))

    assert world.given[-1][1] == Order()


def test_the_same_key_in_another_place_has_no_strike(world):
    struck(world, 2)
    world.hire("a")

    world.ask(push(2, mailbox="other"))

    assert world.given[-1][1] == Order()


def test_strikes_are_bounded_in_number():
    strikes = Strikes(most=3)
    strikes.add([("m", 1, "f", 1, key) for key in range(1, 6)])

    assert [strikes.count(("m", 1, "f", 1, key)) for key in (1, 2, 3, 5)] == [0, 0, 1, 1]


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
