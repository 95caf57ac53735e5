"""An mbox file as a source, and a folder of .eml files."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from postroom import wire
from postroom.credentials import Credentials
from postroom.errors import SourceError, TemporaryError
from provider.sources import Source, load
from provider.sources.eml import EmlOptions, EmlSource
from provider.sources.mbox import MboxOptions, MboxSource
from tests.stubs.rig import Rig, mail
from tests.waiting import wait_until

FROM = b"From ann@example.org Sat Nov 21 10:00:00 2026\n"


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    return tmp_path / "mail.mbox"


def letter(number: int, body: bytes = b"hello\n") -> bytes:
    return b"Subject: %d\n\n%s" % (number, body)


def filed(*raws: bytes) -> bytes:
    return b"".join(FROM + raw + b"\n" for raw in raws)


def source(path: Path, **options: Any) -> MboxSource:
    return MboxSource(MboxOptions(path=str(path), **options), Credentials(), Path)


def eml(path: Path) -> EmlSource:
    return EmlSource(EmlOptions(path=str(path)), Credentials(), Path)


def test_every_mail_of_the_file_arrives_once(rig: Rig, mbox: Path):
    raws = [letter(1), letter(2, b"x" * 100_000 + b"\n\n\n"), letter(3, b""), letter(4, b"no end")]
    mbox.write_bytes(filed(*raws))

    assert rig.once(source(mbox))
    assert rig.once(source(mbox))

    # The line end before the next mail, or the end, is the file's.
    assert rig.master.raws() == sorted([*raws[:3], raws[3] + b"\n"])
    assert len(rig.master.pushed()) == 4


@pytest.mark.parametrize(
    ("quoting", "expected"),
    [
        ("mboxrd", b"From a\n>From b\n>> From c\nx >From d\n"),
        ("mboxo", b"From a\n>>From b\n>> From c\nx >From d\n"),
        ("none", b">From a\n>>From b\n>> From c\nx >From d\n"),
    ],
)
def test_the_quoting_is_undone(rig: Rig, mbox: Path, quoting: str, expected: bytes):
    mbox.write_bytes(filed(letter(1, b">From a\n>>From b\n>> From c\nx >From d\n")))

    assert rig.once(source(mbox, quoting=quoting))

    assert rig.master.raws() == [letter(1, expected)]


def test_a_line_of_a_mail_that_begins_with_from_begins_no_mail(rig: Rig, mbox: Path):
    body = b"words\nFrom me at 10:00:00\n\nFrom here we go\non\n"
    mbox.write_bytes(b"\n" + filed(letter(1, body)) + b"From ann\n" + letter(2))

    assert rig.once(source(mbox))

    assert rig.master.raws() == [letter(1, body), letter(2)]


def test_crlf_is_kept(rig: Rig, mbox: Path):
    crlf = FROM.replace(b"\n", b"\r\n")
    mbox.write_bytes(crlf + mail(1) + b"\r\n" + crlf + mail(2) + b"\r\n")

    assert rig.once(source(mbox))

    assert rig.master.raws() == [mail(1), mail(2)]


def test_what_is_appended_is_read_on(rig: Rig, mbox: Path):
    mbox.write_bytes(filed(letter(1), letter(2)))
    rig.serve(source(mbox))
    wait_until(lambda: len(rig.master.raws()) == 2)

    with mbox.open("ab") as file:
        file.write(filed(letter(3)))

    wait_until(lambda: len(rig.master.raws()) == 3)
    assert len(rig.master.pushed()) == 3


def test_another_file_under_the_name_is_read_from_the_beginning(rig: Rig, mbox: Path):
    mbox.write_bytes(filed(letter(1), letter(2)))
    reader = source(mbox)
    rig.once(reader)
    mbox.write_bytes(filed(letter(2), letter(3)))

    assert rig.once(reader)

    assert len(rig.master.raws()) == 3
    assert rig.master.receipts[-1].listed == 2


def test_a_large_mail_goes_in_parts(rig: Rig, mbox: Path):
    large = letter(1, (b"x" * 1023 + b"\n") * 10_000)
    mbox.write_bytes(filed(large, letter(2)))

    assert rig.once(source(mbox))

    assert rig.master.raws() == sorted([large, letter(2)])
    assert len(rig.master.asked(wire.Part)) == 3


def test_mails_that_moved_in_the_file_are_gone_until_the_next_look(mbox: Path):
    mbox.write_bytes(filed(letter(1), letter(2)))
    folder = source(mbox).open("INBOX")
    keys = [key for window in folder.windows() for key in window.keys]
    mbox.write_bytes(filed(letter(7), letter(8)))

    assert [fetched.outcome for fetched in folder.fetch([*keys, "none"])] == ["gone"] * 3
    assert list(folder.stream(keys[0], 10)) == []
    assert list(folder.stream("none", 10)) == []


def test_headers_are_told_without_bodies(mbox: Path):
    mbox.write_bytes(filed(letter(1)))
    folder = source(mbox).open("INBOX")
    (key,) = next(folder.windows()).keys

    (digest,) = folder.digests([key])

    assert digest.size == len(letter(1))
    assert folder.samples([key]) == []


def test_a_file_that_another_program_writes_is_left_for_later(mbox: Path):
    mbox.write_bytes(filed(letter(1)))
    with mbox.open("ab") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        child = os.fork()
        if not child:
            try:
                source(mbox).open("INBOX")
            except TemporaryError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_what_is_no_mbox_is_told(rig: Rig, mbox: Path):
    with pytest.raises(SourceError, match="is no file"):
        source(mbox).connect()
    mbox.write_bytes(b"Subject: a mail and no mbox\n")

    with pytest.raises(SourceError, match="no mbox"):
        source(mbox).open("INBOX")


def test_an_empty_file_is_an_empty_folder(rig: Rig, mbox: Path):
    mbox.touch()

    assert rig.once(source(mbox))

    assert rig.master.receipts[-1].listed == 0


def test_eml_files_are_found_in_all_folders(rig: Rig, tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "1.eml").write_bytes(mail(1))
    (tmp_path / "a" / "b" / "1.EML").write_bytes(mail(2))
    (tmp_path / "a" / "notes.txt").write_bytes(b"no mail")

    assert rig.once(eml(tmp_path))
    assert rig.once(eml(tmp_path))

    assert rig.master.raws() == [mail(1), mail(2)]
    assert len(rig.master.pushed()) == 2


def test_another_eml_file_under_an_old_name_is_another_mail(rig: Rig, tmp_path: Path):
    (tmp_path / "1.eml").write_bytes(mail(1))
    rig.once(eml(tmp_path))
    (tmp_path / "1.eml").write_bytes(mail(20))

    assert rig.once(eml(tmp_path))

    assert rig.master.raws() == [mail(1), mail(20)]


def test_a_folder_that_is_missing_is_told(tmp_path: Path):
    with pytest.raises(SourceError, match="is no folder"):
        eml(tmp_path / "none").connect()


@pytest.mark.parametrize(("name", "kind"), [("mbox", MboxSource), ("eml", EmlSource)])
def test_they_are_registered(name: str, kind: type[Source]):
    assert load(name) is kind
