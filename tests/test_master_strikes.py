"""The front's mind: what a lost worker had in hand is tried again with care."""

import pytest

from master.orders import Note, Order
from master.strikes import Strikes
from postroom import wire
from tests.queue_world import World, orders, push, stored


@pytest.fixture
def world():
    return World()


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


def test_workers_lost_before_they_took_the_items_or_after_parsing_them_give_no_strike(world):
    for dead in ("a", "b"):
        world.hire(dead)
        world.ask(push(1))
        world.lose(dead, marked=False)

    world.hire("c")
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
