"""A worker at its desk: whatever happens to a request, the front hears of it."""

import threading
from typing import cast

import msgspec
import pytest
import zmq

from master import orders
from master.mark import Mark
from master.orders import Note, Order
from master.outage import ApiAwayError
from master.pipeline import Pipeline
from master.retries import Retries
from master.worker import Worker
from postroom import wire
from postroom.errors import RefusedError, TemporaryError
from postroom.sockets import Backend, Desk
from postroom.storage import StorageBrokenError
from tests.waiting import wait_until

REQUEST = wire.encode_request(wire.Pass(mailbox="w", epoch=1, folder="", uidvalidity=1))


class Outcome:
    """Stands where the pipeline is: its parts are tested with the real one elsewhere."""

    def __init__(self, outcome):
        self.outcome = outcome

    def answer(self, envelope, order, parsed):
        assert parsed(), "items in hand are not marked"
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def probe(self):
        if isinstance(self.outcome, Exception):
            raise self.outcome


@pytest.fixture
def told():
    """Run a worker through one order and give back what the front heard."""
    with zmq.Context() as context:
        backend = Backend(context)

        def run(outcome, order):
            stand_in = Outcome(outcome)
            pipeline, retries = cast(Pipeline, stand_in), cast(Retries, stand_in)
            mark = Mark.make()
            worker = Worker(Desk(backend.address, "w"), mark, pipeline, retries)
            failures = []

            def work():
                try:
                    worker.run()
                except StorageBrokenError as e:
                    failures.append(e)
                worker._desk.close()

            thread = threading.Thread(target=work)
            thread.start()
            heard: list[list[bytes]] = []

            def hear(count):
                heard.extend(frames for _, frames in backend.receive())
                return len(heard) >= count

            wait_until(lambda: hear(1))
            frames = REQUEST if order.kind == "work" else []
            backend.send("w", [orders.encode(order), *frames])
            expected = ["ready", *(["parsed"] if order.kind == "work" else []), "done"]
            wait_until(lambda: hear(len(expected)))
            backend.send("w", [orders.encode(Order(kind="stop"))])
            thread.join()
            note = orders.decode_note(heard[-1][0])
            reply = heard[-1][1:] and wire.decode_reply(heard[-1][1:], wire.PassReply)
            states = [orders.decode_note(frames[0]).state for frames in heard]
            assert states == expected
            assert not mark.lift()
            mark.close()
            return note, reply, failures

        yield run
        backend.close()


def test_a_reply_goes_back_with_the_id(told):
    note, reply, _ = told(wire.PassReply(due=3), Order())

    assert note == Note(state="done")
    assert reply == wire.PassReply(id=wire.request_id(REQUEST), due=3)


@pytest.mark.parametrize(
    ("outcome", "note", "reply"),
    [
        (
            TemporaryError("disk", 7),
            Note(state="done", status="retry"),
            wire.Retry(after=7, reason="disk"),
        ),
        (
            ApiAwayError("away", 7),
            Note(state="done", status="retry", away="away"),
            wire.Retry(after=7, reason="away"),
        ),
        (
            RefusedError("no", "never"),
            Note(state="done", status="error"),
            wire.Refusal(code="no", message="never"),
        ),
        (
            ZeroDivisionError("oops"),
            Note(state="done", status="retry"),
            wire.Retry(after=30, reason="a defect: ZeroDivisionError: oops"),
        ),
    ],
    ids=["temporary", "away", "refused", "defect"],
)
def test_each_failure_has_its_answer(told, outcome, note, reply):
    heard, answer, failures = told(outcome, Order())

    assert (heard, answer) == (note, msgspec.structs.replace(reply, id=answer.id))
    assert failures == []


def test_a_broken_store_ends_the_worker_after_its_answer(told):
    broken = StorageBrokenError("I/O error")

    _, answer, failures = told(broken, Order())

    assert isinstance(answer, wire.Retry)
    assert failures == [broken]


@pytest.mark.parametrize("outcome", [None, ApiAwayError("away"), RefusedError("no", "never")])
def test_a_probe_says_whether_the_api_answers(told, outcome):
    note, reply, _ = told(outcome, Order(kind="probe"))

    expected = Note(state="done", status="retry", away=str(outcome)) if outcome else None
    assert note == (expected or Note(state="done"))
    assert reply == []
