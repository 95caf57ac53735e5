"""What every storage promises; each test runs against each of them."""

import hashlib
import itertools
import os
import shutil
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from postroom import settings
from postroom.errors import ObjectMissingError, SettingsError
from postroom.storage import TOUCH_SECONDS, Entry, Storage, open_files, open_mails, open_storage
from tests.stores import COUNTING

MEGABYTE = 1024 * 1024


def key_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def keys(store: Storage, after: str = "") -> list[str]:
    return [entry.key for entry in store.list(after)]


def test_what_was_put_is_got_again_after_reopening(spot):
    mails = {key_of(body): body for body in (b"", b"\0\xff", b"Subject: caf\xe9\r\n\r\n" * 99)}
    first = spot.open()
    first.put_many(mails.items())
    first.close()

    second = spot.open()

    assert {key: second.get(key) for key in mails} == mails
    assert second.id == first.id
    second.close()


def test_an_unknown_kind_of_storage_is_a_settings_error(tmp_path):
    with pytest.raises(SettingsError, match="expected one of directory, s3, sqlite"):
        open_storage("tape", tmp_path)


def test_the_store_of_the_settings_is_opened_or_its_key_named(tmp_path):
    (tmp_path / "config.ini").write_text("[storage]\nmails_path = mails\n")
    config = settings.load(tmp_path / "config.ini")
    open_mails(config).close()

    (tmp_path / "mails").write_text("a letter, and no database")
    with pytest.raises(SettingsError, match=r"config\.ini: \[storage\] mails_path: .*mails"):
        open_mails(config)

    assert (tmp_path / "mails").read_text() == "a letter, and no database"


def test_files_have_a_store_of_their_own(tmp_path):
    (tmp_path / "config.ini").write_text("[storage]\nfiles_path = files\n")
    config = settings.load(tmp_path / "config.ini")
    store = open_files(config)
    store.put_many([("pages/p/report.pdf", b"pdf")])
    store.close()

    assert (tmp_path / "files/pages/p/report.pdf").read_bytes() == b"pdf"
    (tmp_path / "config.ini").write_text("[storage]\nfiles_path = config.ini\n")
    with pytest.raises(SettingsError, match=r"config\.ini: \[storage\] files_path: .*config"):
        open_files(settings.load(tmp_path / "config.ini"))


def test_two_new_stores_have_different_ids(spot, store):
    other = spot.open("other")
    assert other.id != store.id
    other.close()


@pytest.mark.parametrize("kind", COUNTING, indirect=True)
def test_the_batch_rises_by_one_a_commit(store):
    before = store.batch()

    numbers = [store.put_many([(f"a/{n}", b"x"), (f"b/{n}", b"x")]) for n in range(3)]

    assert numbers == [before + 1, before + 2, before + 3]
    assert store.batch() == before + 3


def test_putting_nothing_new_returns_a_batch_that_stands(store):
    first = store.put_many([("a", b"x")])
    assert store.put_many([("a", b"x")]) == first
    assert store.put_many([]) == first


def test_a_held_object_is_not_rewritten(store):
    store.put_many([("a", b"first")])
    store.put_many([("a", b"other"), ("b", b"new")])
    assert store.get("a") == b"first"


def test_a_key_twice_in_one_batch_is_stored_once(store):
    store.put_many([("a", b"x"), ("a", b"x")])
    assert [(entry.key, entry.size) for entry in store.list()] == [("a", 1)]


def test_views_into_a_larger_buffer_are_taken_as_they_are(store):
    buffer = memoryview(b"one" + os.urandom(3000) + b"two")
    store.put_many([("one", buffer[:3]), ("noise", buffer[3:-3]), ("two", buffer[-3:])])
    assert (store.get("one"), store.get("two")) == (b"one", b"two")
    assert store.get("noise") == bytes(buffer[3:-3])


def test_a_put_of_a_held_object_touches_it_only_when_that_is_old(spot, store):
    store.put_many([("old", b"x"), ("fresh", b"x")])
    (fresh, _) = store.list()
    spot.age("old", 2 * TOUCH_SECONDS)

    batch = store.put_many([("old", b"x"), ("fresh", b"x")])

    assert [entry.touched for entry in store.list()] == [
        fresh.touched,
        pytest.approx(fresh.touched, abs=60),
    ]
    assert batch == store.batch()


def test_a_large_object_comes_in_pieces_of_any_length(store):
    for size in (3 * MEGABYTE, MEGABYTE, MEGABYTE + 1, 17):
        body = os.urandom(size)
        key = key_of(body)

        with store.open_write(key) as writer:
            for start in range(0, size, 300_007):
                writer.write(body[start : start + 300_007])
            batch = writer.commit()

        assert store.get(key) == body
        assert store.size(key) == size
        assert batch == store.batch()


def test_the_key_of_a_large_object_may_be_told_at_the_end(store):
    with store.open_write() as writer:
        writer.write(memoryview(b"x" * (6 * MEGABYTE)))
        writer.commit("pages/p/x.bin")
    assert keys(store) == ["pages/p/x.bin"]
    assert store.size("pages/p/x.bin") == 6 * MEGABYTE


def test_a_large_object_without_a_key_is_a_mistake(store):
    with store.open_write() as writer, pytest.raises(ValueError, match="needs a key"):
        writer.commit()


def test_without_commit_nothing_is_stored(store):
    for size in (10, 6 * MEGABYTE):
        with store.open_write("a") as writer:
            writer.write(b"x" * size)

        assert keys(store) == []
        with pytest.raises(ObjectMissingError):
            store.get("a")


def test_a_large_object_that_is_held_already_stays_as_it_is(store):
    for letter in (b"x", b"y"):
        with store.open_write("a") as writer:
            writer.write(letter * (6 * MEGABYTE))
            writer.commit()
    assert store.get("a") == b"x" * (6 * MEGABYTE)


def test_other_writers_are_not_held_up_by_a_long_upload(store):
    with store.open_write("large") as writer:
        writer.write(b"x" * (9 * MEGABYTE))
        store.put_many([("small", b"y")])
        writer.write(b"z")
        writer.commit()
    assert keys(store) == ["large", "small"]


def test_put_many_takes_large_objects_too(store):
    bodies = {"a": os.urandom(3 * MEGABYTE), "b": b"small", "c": b"z" * (2 * MEGABYTE)}
    batch = store.put_many(bodies.items())
    assert {key: store.get(key) for key in bodies} == bodies
    assert batch == store.batch()


RANGES = [
    (0, None), (0, 0), (0, 10), (5, None), (MEGABYTE - 3, 7), (MEGABYTE, MEGABYTE),
    (3 * MEGABYTE, 99), (2 * MEGABYTE + 90, 99), (1, 2 * MEGABYTE + 5),
]  # fmt: skip


def test_a_range_is_that_part_of_the_object(store):
    body = os.urandom(2 * MEGABYTE + 100)
    held = {"large": body, "small": body[:20]}
    store.put_many(held.items())

    for (start, length), (key, whole) in itertools.product(RANGES, held.items()):
        stop = None if length is None else start + length
        with store.open_read(key, start, length) as stream:
            assert stream.read() == whole[start:stop], (key, start, length)


def test_a_range_below_zero_is_a_mistake(store):
    store.put_many([("a", b"x")])
    for start, length in ((-1, None), (0, -1)):
        with pytest.raises(ValueError, match="negative"):
            store.open_read("a", start, length)


def test_a_stream_gives_as_much_as_was_asked_for(store):
    body = os.urandom(2 * MEGABYTE + 5)
    store.put_many([("a", body)])
    with store.open_read("a") as stream:
        pieces = list(iter(lambda: stream.read(700_000), b""))
    assert [len(piece) for piece in pieces] == [700_000, 700_000, 697_157]
    assert b"".join(pieces) == body


def test_a_large_object_needs_little_memory(store):
    piece = os.urandom(64 * 1024)
    tracemalloc.start()

    with store.open_write("a") as writer:
        for _ in range(16 * 16):
            writer.write(piece)
        writer.commit()
    with store.open_read("a") as stream:
        total = sum(map(len, iter(lambda: stream.read(65_536), b"")))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 16 * MEGABYTE
    assert peak < 9 * MEGABYTE


def test_a_missing_object_is_told_as_such(store):
    for read in (store.get, store.size, store.open_read):
        with pytest.raises(ObjectMissingError, match="a/b"):
            read("a/b")
    assert not store.verify("a/b")


def test_exists_names_those_that_are_held(spot, store):
    held = [f"held/{n}" for n in range(spot.many)]
    store.put_many((key, b"x") for key in held)
    assert store.exists([*held, "other", "held"]) == set(held)
    assert store.exists([]) == set()


def test_deleted_objects_are_gone_and_may_come_again(store):
    body = os.urandom(2 * MEGABYTE)
    store.put_many([("a/b", b"1"), ("a/c", body), ("d", b"3")])

    assert store.delete(["a/b", "a/c", "unknown"]) == 2

    assert keys(store) == ["d"]
    store.put_many([("a/c", body[::-1])])
    assert store.get("a/c") == body[::-1]


@pytest.mark.parametrize("kind", COUNTING, indirect=True)
def test_deleting_something_is_a_commit(store):
    batch = store.put_many([("a", b"x")])
    store.delete(["a"])
    assert store.batch() == batch + 1


def test_deleting_nothing_changes_nothing(store):
    batch = store.put_many([("a", b"x")])
    assert store.delete(["b"]) == 0
    assert store.batch() == batch


def test_collection_spares_what_was_touched_meanwhile(spot, store):
    store.put_many([("old", b"x"), ("used", b"x")])
    for key in ("old", "used"):
        spot.age(key, 8 * 24 * 3600)
    limit = max(entry.touched for entry in store.list()) + 60

    store.put_many([("used", b"x")])
    deleted = store.delete(["old", "used"], untouched_since=limit)

    assert deleted == 1
    assert keys(store) == ["used"]


# What the names of files on web pages are like, in the longest form that Postroom gives them.
FILE_NAMES = [
    "report 2026-01.pdf", "Отчёт за январь.pdf", "报告.pdf", "é.txt", "e\u0301.txt",
    "a+b&c=d%20.txt",
    "Прайс-лист" * 9 + "ок.xls", "日本" * 32 + "x.csv", "😀" * 50,
]  # fmt: skip


def test_files_keep_the_names_that_pages_gave_them(store):
    files = {f"pages/Сайт 1/{key_of(name.encode())}/{name}": name.encode() for name in FILE_NAMES}
    assert max(len(name.encode()) for name in FILE_NAMES) == 200

    for key, body in files.items():
        with store.open_write(key, type="application/pdf", name=key.rpartition("/")[2]) as writer:
            writer.write(body)
            writer.commit()

    assert {entry.key: store.get(entry.key) for entry in store.list()} == files
    assert store.exists(files) == set(files)
    assert all(store.verify(key) and store.url(key).isascii() for key in files)


NAMES = [
    "aa.txt", "pages/p.d/x", "pages/p/x", "pages/p0/x", "pages/p/x y", "runs/1/out", "a/b/c/d",
    "Z", "é/ü", "~", key_of(b"1"), key_of(b"2"), key_of(b"3"), "eee", "f0/y", "00", "sha25",
    "sha256.txt",
]  # fmt: skip


def test_the_listing_is_sorted_by_key(store):
    store.put_many((name, name.encode()) for name in NAMES)
    listing = list(store.list())
    assert [entry.key for entry in listing] == sorted(NAMES)
    assert all(entry.size == len(entry.key.encode()) for entry in listing)
    assert isinstance(listing[0], Entry)


def test_the_listing_goes_on_after_any_key(store):
    store.put_many((name, b"") for name in NAMES)
    for after in [*NAMES, "pages", "pages/", "pages/p/", "a/b", "", "zzz", key_of(b"1")[:9]]:
        assert keys(store, after) == sorted(name for name in NAMES if name > after)


def test_the_listing_is_longer_than_a_page(spot, store):
    names = [f"{n:05}" for n in range(spot.many)]
    store.put_many((name, b"") for name in names)
    assert keys(store) == names


def test_verify_compares_the_content_with_the_hash_in_the_key(store):
    good, wrong = key_of(b"good"), key_of(b"wrong")
    file = f"pages/p/{key_of(b'file')}/report.pdf"
    spoiled = f"pages/p/{key_of(b'spoiled')}/report.pdf"
    store.put_many([(good, b"good"), (wrong, b"x"), (file, b"file"), (spoiled, b"x"), ("n", b"n")])

    verified = {key for key in (good, wrong, file, spoiled, "n") if store.verify(key)}

    assert verified == {good, file, "n"}


@pytest.mark.parametrize("kind", COUNTING, indirect=True)
def test_an_older_copy_shows_by_its_batch_and_another_store_by_its_id(spot, store):
    copy = shutil.copytree if spot.kind == "directory" else shutil.copy
    path, old = spot.path(), spot.path("old")
    store.put_many([("a", b"x")])
    store.close()
    copy(path, old)
    store = spot.open()
    relied_on = store.put_many([("b", b"x")])
    store.close()

    restored = spot.open("old")

    assert restored.id == store.id
    assert restored.batch() == relied_on - 1
    restored.close()


def test_threads_write_and_read_at_once(spot, store):
    # Swift answers a hundred requests a second.
    rounds = 3 if spot.swift else 10

    def work(worker: str) -> list[int]:
        numbers = []
        for n in range(rounds):
            key = f"{worker}/{n}"
            numbers.append(store.put_many([(key, key.encode()), ("shared", b"x")]))
            assert store.get(key) == key.encode()
        return numbers

    with ThreadPoolExecutor(4) as pool:
        numbers = list(itertools.chain(*pool.map(work, ["w0", "w1", "w2", "w3"])))

    count = 4 * rounds
    assert sorted(numbers) == (list(range(1, count + 1)) if spot.kind in COUNTING else [0] * count)
    assert len(keys(store)) == count + 1
