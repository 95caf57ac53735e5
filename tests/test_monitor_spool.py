"""Downloads of a process that died are swept; those of one that lives are left alone."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import spool
from postroom.errors import SettingsError

ROOT = Path(__file__).parent.parent
HOLDS = """
import sys, time
from pathlib import Path
from monitor import spool
with spool.opened(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process, with half a download."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    yield process, folder
    process.kill()
    process.communicate()


def test_the_folder_is_private_and_goes_at_the_end(tmp_path):
    with spool.opened(tmp_path / "spool") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "half").write_text("x")

    assert list((tmp_path / "spool").iterdir()) == []


def test_what_lives_is_left_alone(tmp_path, other):
    _, theirs = other

    with spool.opened(tmp_path) as ours:
        assert (theirs / "half").exists()
        assert ours != theirs


def test_what_a_killed_process_left_is_removed(tmp_path, other):
    process, theirs = other
    process.send_signal(signal.SIGKILL)
    process.wait()

    with spool.opened(tmp_path):
        assert not theirs.exists()


def test_other_files_there_are_not_ours(tmp_path):
    (tmp_path / "monitor-notes.txt").write_text("mine")
    (tmp_path / "keep").mkdir()

    with spool.opened(tmp_path):
        pass

    assert sorted(path.name for path in tmp_path.iterdir()) == ["keep", "monitor-notes.txt"]


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="cannot be written"), spool.opened(tmp_path / "file"):
        pass
