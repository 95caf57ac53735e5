"""Lines of the log: as JSON and as text, in a file that several processes rotate."""

import json
import logging
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postroom import following, logs, settings
from postroom.logfile import SharedFile
from tests.servers import forked
from tests.servers.commands import command, environment

#: Writes so many lines of its own under the rotation that the test set.
WRITER = """
import logging, sys
from pathlib import Path
from postroom import logs
from postroom.logfile import Rotation
file, name, count, most = sys.argv[1:]
rotation = Rotation(int(most), 400)
logs.configure("info", Path(file), terminal=False, line="%(message)s", rotation=rotation)
for number in range(int(count)):
    logging.getLogger("api").info("%s-%d %s", name, number, "x" * (number % 90))
"""


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Sets the log up by the keys of [log]; the file that it goes to."""
    file = tmp_path / "logs" / "postroom.log"

    def set_up(**keys: str) -> Path:
        told = {"file": file, "terminal": "no", **keys}
        lines = "".join(f"{key} = {value}\n" for key, value in told.items())
        (tmp_path / "config.ini").write_text(f"[log]\n{lines}")
        logs.follow(settings.load(tmp_path / "config.ini"))
        return file

    yield set_up
    for handler in logging.getLogger().handlers:
        if isinstance(handler, SharedFile):
            handler.close()


def test_a_line_is_one_object_that_names_the_work_in_hand(written):
    file = written(format="json")
    with following.within(request="abc", run=7):
        logging.getLogger("postroom.test").info("two\nlines", extra=following.told(mail=3))
    logging.getLogger("postroom.test").info("after")

    inside, after = map(json.loads, file.read_text().splitlines())
    assert (inside["request"], inside["run"], inside["mail"]) == ("abc", 7, 3)
    assert inside["message"] == "two\nlines"
    assert inside["time"].endswith("Z")
    assert "request" not in after


def test_a_line_of_text_in_a_file_ends_with_the_same_ids_and_one_in_the_terminal_is_bare(
    written, capsys
):
    file = written(terminal="yes")
    with following.within(request="abc"):
        logging.getLogger("postroom.test").info("filed", extra=following.told(mail=3))

    assert file.read_text().endswith('INFO postroom.test: filed {"request": "abc", "mail": 3}\n')
    assert capsys.readouterr().err.endswith("INFO postroom.test: filed\n")


def test_a_form_of_ones_own_may_name_the_ids(written):
    file = written(format="%(message)s | %(ids)s")
    with following.within(run=7):
        logging.getLogger("postroom.test").info("filed")

    assert file.read_text() == 'filed | {"run": 7}\n'


def test_a_log_is_its_owners_alone_and_begins_anew_when_it_is_full(written):
    file = written(megabytes="1", files="2")
    for number in range(5):
        logging.getLogger("postroom.test").info("%d%s", number, "x" * 700_000)

    assert [path.name for path in sorted(file.parent.iterdir())] == [
        "postroom.log",
        "postroom.log.1",
        "postroom.log.2",
    ]
    for name, number in (("postroom.log", 4), ("postroom.log.1", 3), ("postroom.log.2", 2)):
        path = file.with_name(name)
        assert f": {number}x" in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600


def test_who_moves_the_file_away_finds_a_new_one_begun(written):
    file = written(megabytes="0")
    logging.getLogger("postroom.test").info("before")
    file.rename(file.with_name("moved"))
    logging.getLogger("postroom.test").info("after")

    assert file.with_name("moved").read_text().count("\n") == 1
    assert "after" in file.read_text()


def test_processes_that_share_a_file_lose_no_line_of_each_other_while_they_rotate_it(tmp_path):
    file, count = tmp_path / "log", 300
    writers = [
        forked.Forked(
            command("tests.run_script", WRITER, str(file), name, str(count), "2000"),
            env=environment(),
        )
        for name in "abcd"
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]

    files = [path for path in tmp_path.iterdir() if path.name.startswith("log")]
    lines = Counter(line.split()[0] for path in files for line in path.read_text().splitlines())
    assert lines == {f"{name}-{number}": 1 for name in "abcd" for number in range(count)}
    assert len(files) > 20
    assert max(path.stat().st_size for path in files) <= 2000 + 1000


def test_a_folder_that_nothing_can_be_renamed_in_is_told_of_at_the_start(tmp_path):
    (tmp_path / "log").touch()
    (tmp_path / "config.ini").write_text(f"[log]\nfile = {tmp_path / 'log'}\n")
    tmp_path.chmod(0o500)
    # Root may write to every folder, unless it gives that up.
    given_up = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
    line = command("master", "--config", str(tmp_path / "config.ini"))
    try:
        done = subprocess.run(
            [*(given_up if os.geteuid() == 0 else []), *line],
            env=environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    finally:
        tmp_path.chmod(0o700)

    assert done.returncode == 2
    assert "folder must be writable" in done.stderr


@pytest.mark.parametrize("given", ["abc", "A1.b_c:d-e", "x" * 64])
def test_an_id_that_a_caller_gives_is_kept(given):
    assert following.request_id(given) == given


@pytest.mark.parametrize(
    "given", ["", "x" * 65, "a b", "a\n", "a\r\nSet-Cookie: b=c", "-a", 'a"', "é", "٣", "a,b"]
)
def test_what_is_no_id_is_replaced(given):
    assert following.request_id(given) not in (given, "")


def test_ids_are_made_only_for_a_line_that_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def items() -> list[str]:
        asked.append("asked")
        return ["a", "b"]

    for line in ("", "json"):
        logs.configure("info", None, line=line)
        logging.getLogger("api").info("two", extra=following.told(items=items))
        assert asked == ([] if not line else ["asked"])
    assert '"items": ["a", "b"]' in capsys.readouterr().err
