"""`python -m provider import`, as a person starts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stubs.master import StubMaster
from tests.stubs.rig import mail
from tests.test_provider_main import MAILBOXES, configure, run

FROM = b"From ann@example.org Sat Nov 21 10:00:00 2026\r\n"


@pytest.fixture
def master() -> Iterator[StubMaster]:
    master = StubMaster()
    yield master
    master.close()


@pytest.fixture
def folder(tmp_path: Path, master: StubMaster) -> Path:
    """A folder with config.ini, an mbox, a Maildir and .eml files."""
    for name in ("Maildir/cur", "Maildir/new", "Maildir/.Old/cur", "Maildir/.Old/new", "letters"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "old.mbox").write_bytes(b"".join(FROM + mail(n) + b"\r\n" for n in range(3)))
    (tmp_path / "Maildir" / "cur" / "1.a:2,S").write_bytes(mail(10))
    (tmp_path / "Maildir" / ".Old" / "cur" / "1.a:2,S").write_bytes(mail(11))
    (tmp_path / "letters" / "1.eml").write_bytes(mail(20))
    configure(tmp_path, f"[provider]\nmaster = {master.address}\n{MAILBOXES}")
    return tmp_path


@pytest.mark.parametrize(("path", "count"), [("old.mbox", 3), ("Maildir", 2), ("letters", 1)])
def test_it_brings_all_once(folder: Path, master: StubMaster, path: str, count: int):
    done = run(folder, "import", path, "--mailbox", "archive")
    again = run(folder, "import", path, "--mailbox", "archive")

    assert (done.returncode, again.returncode) == (0, 0), done.stderr
    assert f"{count} listed, {count} stored, 0 duplicate" in done.stdout
    assert f"{count} listed, 0 stored, {count} duplicate" in again.stdout
    assert len(master.raws("archive")) == len(master.pushed()) == count


def test_many_paths_go_into_one_mailbox(folder: Path, master: StubMaster):
    for path in ("old.mbox", "Maildir", "letters"):
        run(folder, "import", path, "--mailbox", "archive")

    assert len(master.raws("archive")) == 6
    assert {place.epoch for place in master.held} == {1}


def test_the_name_of_a_configured_mailbox_is_refused(folder: Path):
    done = run(folder, "import", "old.mbox", "--mailbox", "one")

    assert done.returncode == 2
    assert "choose another name" in done.stderr


def test_a_path_that_is_missing_is_told(folder: Path):
    done = run(folder, "import", "none", "--mailbox", "archive")

    assert done.returncode == 2
    assert "no such file or folder" in done.stderr


def test_what_is_not_of_the_format_fails(folder: Path):
    done = run(folder, "import", "letters/1.eml", "--mailbox", "archive", "--format", "mbox")

    assert done.returncode == 1
    assert "not complete: INBOX: no mbox: it does not begin with a line" in done.stdout
