"""What a daemon was asked to do is done once, and told until the master knows."""

from postroom import wire
from postroom.tasks import Tasks


def tasks(*ids: int, kind: str = "check") -> list[wire.WatchTask]:
    return [wire.WatchTask(id=each, kind=kind, source="docs") for each in ids]


def test_a_task_that_comes_again_is_new_only_once():
    memory: Tasks[wire.WatchTask] = Tasks(["check"], "monitor")

    assert memory.add(tasks(1, 2)) == tasks(1, 2)
    assert memory.add(tasks(2, 3)) == tasks(3)
    assert memory.open("check") == tasks(1, 2, 3)


def test_a_result_is_told_until_it_is_known():
    memory: Tasks[wire.WatchTask] = Tasks(["check"], "monitor")
    (task,) = memory.add(tasks(1))
    memory.done(task, "looked")

    assert memory.add(tasks(1)) == []
    assert memory.results() == [(1, "looked")]
    memory.told(memory.results())
    assert memory.results() == []
    # Its lease had run out: it is another try.
    assert memory.add(tasks(1)) == tasks(1)


def test_what_failed_for_now_is_put_off_until_that_is_known():
    memory: Tasks[wire.WatchTask] = Tasks(["check"], "monitor")
    (task,) = memory.add(tasks(1))
    memory.later(task, 30.0, "away")

    assert memory.postponed() == [wire.Later(task=1, after=30.0, reason="away")]
    assert memory.add(tasks(1)) == []
    memory.told([], memory.postponed())
    assert memory.postponed() == []
    assert memory.add(tasks(1)) == tasks(1)


def test_an_unknown_kind_is_answered():
    memory: Tasks[wire.WatchTask] = Tasks(["check"], "monitor")

    assert memory.add(tasks(1, kind="dance")) == []
    assert memory.results() == [(1, "this monitor knows no task of the kind 'dance'")]


def test_open_tasks_of_one_page():
    memory: Tasks[wire.WatchTask] = Tasks(["check"], "monitor")
    memory.add(tasks(1))

    assert memory.open("check", lambda task: task.source == "other") == []
    assert memory.waiting
