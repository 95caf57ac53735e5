"""Idle workers look for tasks; waiting mail and an API that is away come first."""

import pytest

from master.errands import LOOK_SECONDS
from master.orders import Note
from tests.queue_world import DONE, World, push, stored


@pytest.fixture
def world():
    return World()


def kinds(world):
    return [order.kind for _, order, _ in world.given]


def test_an_idle_worker_looks_for_tasks_now_and_then(world):
    world.hire("a", "b").tick(0)
    world.tick(LOOK_SECONDS / 2)
    assert kinds(world) == []

    world.tick(LOOK_SECONDS)

    assert kinds(world) == ["task"]


def test_only_one_worker_is_out_and_the_other_takes_mail(world):
    world.hire("a", "b").tick(0).tick(LOOK_SECONDS)
    world.tick(LOOK_SECONDS)
    world.ask(push(1))

    assert kinds(world) == ["task", "work"]


def test_nobody_looks_while_mail_waits(world):
    world.hire("a")
    world.ask(push(1))
    world.ask(push(2))
    world.tick(LOOK_SECONDS)
    world.finish("a", stored(1))
    world.tick(0)

    assert kinds(world) == ["work", "work"]


def test_after_a_task_the_next_is_looked_for_at_once(world):
    world.hire("a").tick(0).tick(LOOK_SECONDS)
    world.queue.finished(world.now, "a", Note(state="done", more=True), [])
    world.tick(0)
    world.queue.finished(world.now, "a", DONE, [])
    world.tick(0)

    assert kinds(world) == ["task", "task"]


def test_a_worker_that_was_lost_with_a_task_is_followed_by_another(world):
    world.hire("a", "b").tick(0).tick(LOOK_SECONDS)
    world.lose("a")
    world.tick(LOOK_SECONDS)

    assert world.working() == ["a", "b"]


def test_while_the_api_is_away_nobody_looks(world):
    world.hire("a").tick(0).tick(LOOK_SECONDS)
    away = Note(state="done", status="retry", away="no answer")
    world.queue.finished(world.now, "a", away, [])
    world.tick(10)

    assert kinds(world) == ["task", "probe"]
