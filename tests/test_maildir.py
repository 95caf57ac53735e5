"""A Maildir as a source."""

from pathlib import Path

import pytest

from postroom import wire
from postroom.credentials import Credentials
from postroom.errors import SourceError
from provider.sources import Source, load, textkeys
from provider.sources.maildir import MaildirOptions, MaildirSource
from tests.stubs.rig import Rig, mail
from tests.waiting import wait_until


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    return made(tmp_path / "Maildir")


def made(path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (path / name).mkdir(parents=True)
    return path


def source(path: Path, folders: tuple[str, ...] = ("INBOX",)) -> Source:
    return MaildirSource(MaildirOptions(path=str(path), folders=folders), Credentials(), Path)


def test_new_and_cur_are_brought_byte_for_byte(rig: Rig, maildir: Path):
    (maildir / "new" / "1.a").write_bytes(b"Subject: bare line ends\n\nbody\n")
    (maildir / "cur" / "2.b:2,S").write_bytes(mail(2))

    assert rig.once(source(maildir))

    assert rig.master.raws() == sorted([b"Subject: bare line ends\n\nbody\n", mail(2)])
    assert {place.key for place in rig.master.held} == {"1.a", "2.b"}


def test_a_mail_that_was_read_meanwhile_is_the_same_mail(rig: Rig, maildir: Path):
    new = maildir / "new" / "1.a"
    new.write_bytes(mail(1))
    rig.once(source(maildir))
    new.rename(maildir / "cur" / "1.a:2,S")

    assert rig.once(source(maildir))

    assert len(rig.master.pushed()) == 1


def test_a_file_that_moves_between_listing_and_fetching_is_found(maildir: Path):
    new = maildir / "new" / "1.a"
    new.write_bytes(mail(1))
    folder = source(maildir).open("INBOX")
    new.rename(maildir / "cur" / "1.a:2,RS")

    (fetched,) = folder.fetch(["1.a"])

    assert fetched.body == mail(1)


def test_a_file_that_vanishes_is_gone(maildir: Path):
    new = maildir / "new" / "1.a"
    new.write_bytes(mail(1))
    folder = source(maildir).open("INBOX")
    new.unlink()

    assert [fetched.outcome for fetched in folder.fetch(["1.a"])] == ["gone"]
    assert folder.sizes(["1.a"]) == {}
    assert list(folder.stream("1.a", 10)) == []


def test_names_that_are_no_text_have_keys_all_the_same(rig: Rig, maildir: Path):
    (Path(str(maildir)) / "new" / b"1.\xff\xfe".decode("utf-8", "surrogateescape")).write_bytes(
        mail(1)
    )

    assert rig.once(source(maildir))

    assert rig.master.raws() == [mail(1)]


def test_new_mail_is_seen_within_moments(rig: Rig, maildir: Path):
    rig.serve(source(maildir))
    wait_until(lambda: rig.master.receipts)

    (maildir / "new" / "3.c").write_bytes(mail(3))

    wait_until(rig.master.raws)


def test_an_unchanged_maildir_is_not_listed_again(rig: Rig, maildir: Path):
    (maildir / "new" / "1.a").write_bytes(mail(1))
    folder = source(maildir).open("INBOX")
    again = source(maildir).open("INBOX")
    assert again.status == folder.status

    (maildir / "new" / "2.b").write_bytes(mail(2))

    assert source(maildir).open("INBOX").status != folder.status


def test_subfolders_are_names_and_patterns(rig: Rig, maildir: Path):
    made(maildir / ".Work.Old")
    (maildir / ".Work.Old" / "cur" / "1.a:2,").write_bytes(mail(1))
    (maildir / "new" / "2.b").write_bytes(mail(2))

    assert rig.once(source(maildir, ("INBOX", "Work.*")))

    assert {place.folder for place in rig.master.held} == {"INBOX", "Work.Old"}


def test_many_mails_are_listed_in_windows_that_touch(
    maildir: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(textkeys, "WINDOW_KEYS", 50)
    names = [f"{number:06}.x" for number in range(102)]
    for name in names:
        (maildir / "cur" / f"{name}:2,").touch()

    windows = list(source(maildir).open("INBOX").windows())

    assert [len(window.keys) for window in windows] == [50, 50, 2]
    assert sorted(key for window in windows for key in window.keys) == names
    assert [w.low for w in windows[:-1]] == [w.high for w in windows[1:]]


def test_a_large_mail_goes_in_parts(rig: Rig, maildir: Path):
    large = mail(1, b"x" * 9_000_000)
    (maildir / "new" / "1.a").write_bytes(large)

    assert rig.once(source(maildir))

    assert rig.master.raws() == [large]
    assert len(rig.master.asked(wire.Part)) == 3


def test_a_place_without_new_and_cur_is_told(rig: Rig, tmp_path: Path):
    with pytest.raises(SourceError, match="is no Maildir"):
        source(tmp_path).connect()

    rig.serve(source(tmp_path))

    wait_until(lambda: any("is no Maildir" in error for error in rig.master.errors))


def test_it_is_registered():
    assert load("maildir") is MaildirSource
