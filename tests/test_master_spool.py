"""The spool: parts in any order make one file without gaps, and the disk is not filled."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from master.spool import STALE_SECONDS, Spool
from postroom.errors import RefusedError, TemporaryError
from postroom.storage import BadKeyError

ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool", mail_bytes=100)


def content(spool, upload):
    with spool.read(upload) as stream:
        return stream.read()


def test_parts_make_the_mail(spool):
    assert spool.put(ONE, 0, b"abc") == 3
    assert spool.put(ONE, 3, memoryview(b"def")) == 6

    assert (content(spool, ONE), spool.size(ONE)) == (b"abcdef", 6)


def test_a_part_that_comes_twice_is_no_harm(spool):
    spool.put(ONE, 0, b"abc")
    spool.put(ONE, 3, b"def")

    assert spool.put(ONE, 0, b"abc") == 6
    assert content(spool, ONE) == b"abcdef"


def test_a_part_after_a_gap_is_not_taken_and_says_where_the_gap_is(spool):
    spool.put(ONE, 0, b"abc")

    assert spool.put(ONE, 9, b"xyz") == 3
    assert content(spool, ONE) == b"abc"


def test_parts_of_two_mails_do_not_mix(spool):
    spool.put(ONE, 0, b"one")
    spool.put(TWO, 0, b"two")
    spool.remove(ONE)

    assert (spool.size(ONE), content(spool, TWO)) == (0, b"two")


def test_two_workers_with_the_same_part_write_it_once(spool):
    threads = [threading.Thread(target=spool.put, args=(ONE, 0, b"x" * 90)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert content(spool, ONE) == b"x" * 90


def test_a_mail_over_the_limit_is_refused_and_removed(spool):
    spool.put(ONE, 0, b"x" * 90)

    with pytest.raises(RefusedError) as refused:
        spool.put(ONE, 90, b"x" * 11)

    assert refused.value.code == "too_big"
    assert spool.size(ONE) == 0


def test_all_mails_together_are_bounded(spool):
    for number in range(10):
        spool.put(f"{number}" * 32, 0, b"x" * 100)

    with pytest.raises(TemporaryError, match="full"):
        spool.put("a" * 32, 0, b"x")

    spool.remove(ONE)
    assert spool.put("a" * 32, 0, b"x") == 1


def test_what_nobody_adds_to_is_swept_away_after_a_day(spool, tmp_path):
    for upload in (ONE, TWO):
        spool.put(upload, 0, b"x")
    file = tmp_path / "spool" / ONE
    old = file.stat().st_mtime - STALE_SECONDS - 60
    os.utime(file, (old, old))

    spool.sweep()

    assert (spool.size(ONE), spool.size(TWO)) == (0, 1)


def test_workers_that_sweep_at_once_are_in_nobodys_way(spool, tmp_path):
    for number in range(100):
        spool.put(f"{number:032}", 0, b"x")
        os.utime(tmp_path / "spool" / f"{number:032}", (0, 0))

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(spool.sweep) for _ in range(8)]:
            done.result()

    assert list((tmp_path / "spool").iterdir()) == []


def test_a_disk_that_fails_is_no_fault_of_the_mail(spool, tmp_path):
    (tmp_path / "spool").rmdir()
    (tmp_path / "spool").write_text("not a folder")

    with pytest.raises(TemporaryError, match="spool"):
        spool.put(ONE, 0, b"x")
    with pytest.raises(TemporaryError, match="spool"):
        spool.sweep()


def test_a_place_that_can_hold_no_spool_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(BadKeyError, match="Not a directory"):
        Spool(tmp_path / "file" / "spool", 100)


def test_only_the_owner_reads_the_spool(spool, tmp_path):
    spool.put(ONE, 0, b"x")

    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "spool" / ONE).stat().st_mode & 0o777 == 0o600
