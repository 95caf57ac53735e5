"""What only the directory has: its layout, and the traces of those who died."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.errors import ObjectMissingError
from postroom.storage import ABANDONED_SECONDS, BadKeyError, StorageBrokenError
from postroom.storage.directory import DirectoryStorage

HASH = "abcd" * 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryStorage]:
    store = DirectoryStorage(tmp_path)
    yield store
    store.close()


def visible(folder: Path) -> set[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*"))
    return {str(path) for path in paths if not path.name.startswith(".postroom-")}


def test_people_find_files_by_their_key_and_hashes_in_shards(tmp_path, store):
    store.put_many([("pages/p/report.pdf", b"pdf"), (HASH, b"mail")])

    assert (tmp_path / "pages/p/report.pdf").read_bytes() == b"pdf"
    assert (tmp_path / "sha256/ab/cd" / HASH).read_bytes() == b"mail"
    assert store.url("pages/p/report.pdf") == f"file://{tmp_path}/pages/p/report.pdf"


def test_folders_that_become_empty_go_with_their_last_object(tmp_path, store):
    store.put_many([("a/b/c", b""), ("a/d", b""), (HASH, b"")])
    store.delete(["a/b/c", HASH])
    assert visible(tmp_path) == {"a", "a/d"}


def test_a_folder_that_vanishes_under_a_writer_is_made_again(tmp_path, store):
    store.put_many([("a/b/c", b"")])
    with store.open_write("a/b/d") as writer:
        store.delete(["a/b/c"])
        writer.write(b"x")
        writer.commit()
    assert visible(tmp_path) == {"a", "a/b", "a/b/d"}


def test_an_upload_in_hand_is_not_listed_and_an_abandoned_one_is_removed_at_open(tmp_path, store):
    with store.open_write("a/b") as writer:
        writer.write(b"x")
        (temporary,) = (tmp_path / "a").iterdir()
        assert list(store.list()) == []

        DirectoryStorage(tmp_path)
        assert temporary.exists()

        then = time.time() - ABANDONED_SECONDS - 1
        os.utime(temporary, (then, then))
        DirectoryStorage(tmp_path)
        assert not temporary.exists()


def test_an_upload_that_is_given_up_leaves_nothing(tmp_path, store):
    with store.open_write() as writer:
        writer.write(b"x")
    with store.open_write("a/b") as writer:
        writer.write(b"x")
    assert visible(tmp_path) <= {"a"}
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_batch_that_is_refused_leaves_no_temporary(tmp_path, store):
    with pytest.raises(BadKeyError):
        store.put_many([("a", b"x"), ("../b", b"x")])
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_people_put_there_is_listed_if_a_key_can_name_it(tmp_path, store):
    (tmp_path / "note.txt").write_text("by hand")
    (tmp_path / "zz").mkdir()
    (tmp_path / "sha256" / "ab" / "ce").mkdir(parents=True)
    (tmp_path / "sha256" / "ab" / "stray").touch()
    (tmp_path / "sha256" / "ab" / "ce" / HASH).touch()
    (tmp_path / HASH).touch()
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")).touch()

    assert [entry.key for entry in store.list()] == ["note.txt"]
    for key in ("link", "pipe", "zz"):
        with pytest.raises(ObjectMissingError):
            store.get(key)


def test_a_key_below_another_keys_file_is_refused(store):
    store.put_many([("a", b"x"), ("b/c", b"x")])
    for key in ("a/b", "b"):
        with pytest.raises(BadKeyError):
            store.put_many([(key, b"x")])
    assert store.exists(["a/b", "b"]) == set()


def test_a_damaged_state_is_broken_for_good(tmp_path, store):
    (tmp_path / ".postroom-store").write_text("{")
    with pytest.raises(StorageBrokenError, match="damaged"):
        store.put_many([("a", b"x")])


def test_a_folder_that_is_taken_away_while_in_use_is_broken_for_good(tmp_path, store):
    (tmp_path / ".postroom-store").unlink()
    with pytest.raises(StorageBrokenError, match="No such file"):
        store.put_many([("a", b"x")])


def test_a_folder_that_is_replaced_while_in_use_is_broken_for_good(tmp_path, store):
    (tmp_path / ".postroom-store").unlink()
    DirectoryStorage(tmp_path)
    with pytest.raises(StorageBrokenError, match="replaced"):
        store.put_many([("a", b"x")])


def test_a_changed_file_fails_its_check(tmp_path, store):
    store.put_many([(HASH, b"not what the key says")])
    assert not store.verify(HASH)


def test_nobody_else_may_look_into_it(tmp_path):
    umask = os.umask(0)
    try:
        store = DirectoryStorage(tmp_path / "data" / "mails")
        store.put_many([(HASH, b"mail")])
    finally:
        os.umask(umask)

    found = list((tmp_path / "data").rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
