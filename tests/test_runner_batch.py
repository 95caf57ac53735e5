"""One script over many items in one process: each with its own fate."""

from pathlib import Path

import pytest

from runner import desk
from runner.errors import ScriptError
from runner.job import Item
from tests.long import one_in
from tests.scripts import MAIL, Runs, need_bubblewrap, numbered


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    return Runs(tmp_path, isolation="none")


def mails(folder: Path, *subjects: str) -> list[Item]:
    items = []
    for subject in subjects:
        file = folder / f"{subject}.eml"
        file.write_bytes(MAIL.replace(b"=?utf-8?q?caf=C3=A9?=", subject.encode()))
        parts = folder / subject
        parts.mkdir()
        items.append(Item(key=subject, mail=desk.mail(file, parts)))
    return items


def test_each_item_has_its_own_context_output_and_namespace(run, tmp_path):
    ended = run.batch(
        """
        seen = globals().get("seen", 0) + 1
        output(f"{context.mail.subject} {seen} {context.mail.attachments[0].read().decode()}")
        """,
        mails(tmp_path, "one", "two", "three"),
    )

    assert [(e.key, e.status, e.output) for e in ended] == [
        ("one", "completed", b"one 1 1,2\n"),
        ("two", "completed", b"two 1 1,2\n"),
        ("three", "completed", b"three 1 1,2\n"),
    ]


def test_an_error_or_exit_ends_its_item_alone(run, tmp_path):
    ended = run.batch(
        """
        import sys
        subject = context.mail.subject
        output(subject)
        if subject == "raises":
            raise ValueError("no price")
        if subject == "exits":
            sys.exit(3)
        if subject == "says":
            sys.exit("not for me")
        """,
        mails(tmp_path, "raises", "exits", "says", "leaves"),
    )

    assert [e.status for e in ended] == ["error", "error", "error", "completed"]
    assert ended[0].error.endswith("ValueError: no price\n")
    assert "launcher.py" not in ended[0].error
    assert [e.error for e in ended[1:]] == ["exit status 3", "not for me", ""]
    assert [e.output for e in ended] == [b"raises\n", b"exits\n", b"says\n", b"leaves\n"]


def test_a_death_of_the_process_costs_the_item_in_hand_alone(run, tmp_path):
    ended = run.batch(
        """
        import os, signal, time
        match context.mail.subject:
            case "dies": os.kill(os.getpid(), signal.SIGKILL)
            case "leaves": os._exit(9)
            case "hangs": time.sleep(60)
        output("done")
        """,
        mails(tmp_path, "a", "dies", "b", "leaves", "hangs", "c"),
        seconds=2,
    )

    assert [e.output for e in ended] == [b"done\n", b"", b"done\n", b"", b"", b"done\n"]
    assert "killed" in ended[1].error
    assert ended[3].error.startswith("the script ended its process with status 9")
    assert ended[4].error == "the script ran longer than 2 seconds and was ended"


def test_output_is_bounded_masked_and_never_a_link(run, tmp_path):
    (tmp_path / "private").write_text("do not read me")
    secrets = tmp_path / "data/secrets"
    secrets.mkdir(parents=True)
    (secrets / "KEY").write_text("hunter2secret")
    (secrets / "KEY").chmod(0o600)

    ended = run.batch(
        f"""
        import os, shutil
        match context.mail.subject:
            case "long": output.write("x" * 100)
            case "tells": output(context.secrets["KEY"])
            case "raises": raise ValueError(context.secrets["KEY"])
            case "links": os.symlink({str(tmp_path / "private")!r}, output._folder + "/output.txt")
            case "moves":
                shutil.rmtree(output._folder)
                os.symlink({str(tmp_path)!r}, output._folder)
        """,
        mails(tmp_path, "long", "tells", "raises", "links", "moves"),
        most_bytes=10,
        secrets=("KEY",),
    )

    assert [(e.output, e.cut) for e in ended] == [
        (b"x" * 10, True),
        (b"***\n", False),
        (b"", False),
        (b"", False),
        (b"", False),
    ]
    assert ended[2].error.endswith("ValueError: ***\n")
    assert (tmp_path / "private").exists()


def test_answers_that_are_forged_are_errors(run):
    ended = run.batch(
        """
        import os, sys
        frame = sys._getframe()
        while "answers" not in frame.f_locals:
            frame = frame.f_back
        os.write(frame.f_locals["answers"].fileno(), b"rubbish\\n")
        import time; time.sleep(0.5)
        """,
        numbered(2),
    )

    assert [e.status for e in ended] == ["error", "error"]


def test_a_batch_that_is_stopped_tells_only_what_was_done(run):
    items = iter(numbered(5))

    def until_two():
        for item in items:
            if item.key == "2":
                run.stop.set()
            yield item

    ended = run.batch("output('x')", until_two())

    assert [e.key for e in ended] == ["0", "1"]


def test_a_batch_that_cannot_start_says_so(run):
    with pytest.raises(ScriptError, match="KEY: not there"):
        run.batch("pass", numbered(1), secrets=("KEY",))


def test_a_script_that_does_not_compile_fails_for_each_item(run):
    (ended,) = run.batch("x = (\n", numbered(1))

    assert "SyntaxError" in ended.error


@pytest.mark.parametrize("count", one_in(2, [200, 1000]))
def test_many_items_go_through_one_sandbox(tmp_path, count):
    need_bubblewrap()
    run = Runs(tmp_path, isolation="bubblewrap")

    ended = run.batch("import os; output(os.getppid())", numbered(count))

    assert {(e.status, e.error) for e in ended} == {("completed", "")}
    assert len(ended) == count
    assert not list((tmp_path / "run-1/in").glob("[0-9]*"))
