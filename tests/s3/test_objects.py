"""What only objects in S3 have: parts, addresses that open, names beside them."""

import hashlib
import os
import time
from urllib.parse import quote

import pytest
import requests

from postroom.errors import TemporaryError
from postroom.storage import (
    BadKeyError,
    Presigning,
    s3_bucket,
)

MEGABYTE = 1024 * 1024
KEY = hashlib.sha256(b"body").hexdigest()


# --- large objects


def test_twenty_megabytes_come_in_parts_and_byte_for_byte(swift, opened, tmp_path):
    store = opened(swift)
    body = os.urandom(20 * MEGABYTE + 1)
    with store.open_write("large", type="application/pdf", name="Отчёт.pdf") as writer:
        for start in range(0, len(body), 700_001):
            writer.write(body[start : start + 700_001])
        writer.commit()

    told = swift.client.head_object(Bucket=swift.bucket, Key=f"{tmp_path.name}/mails/large")
    assert store.get("large") == body
    assert told["ETag"].endswith('-5"')
    assert told["ContentType"] == "application/pdf"
    assert told["ContentDisposition"].endswith("; filename*=UTF-8''" + quote("Отчёт.pdf"))
    for start, length in (
        (5 * MEGABYTE - 3, 7), (0, 1), (19 * MEGABYTE, None), (20 * MEGABYTE + 1, 1), (7, 0),
    ):  # fmt: skip
        with store.open_read("large", start, length) as stream:
            assert stream.read() == body[start:][:length]


def test_a_very_large_object_is_touched_in_pieces(swift, opened, monkeypatch, tmp_path):
    monkeypatch.setattr(s3_bucket._COPYING, "multipart_threshold", 6 * MEGABYTE)
    monkeypatch.setattr(s3_bucket._COPYING, "multipart_chunksize", 5 * MEGABYTE)
    store = opened(swift)
    body = os.urandom(12 * MEGABYTE)
    with store.open_write("large", type="application/pdf") as writer:
        writer.write(body)
        writer.commit()
    swift.age(f"{tmp_path.name}/mails/large", 7200)

    with store.open_write("large") as writer:
        writer.commit()

    told = swift.client.head_object(Bucket=swift.bucket, Key=f"{tmp_path.name}/mails/large")
    assert store.get("large") == body
    assert told["ContentType"] == "application/pdf"
    assert told["LastModified"].timestamp() > time.time() - 600


def test_abandoned_uploads_go_when_a_store_is_opened_after_a_day(
    swift, opened, monkeypatch, tmp_path
):
    store = opened(swift)
    begin = swift.client.create_multipart_upload
    own, others = f"{tmp_path.name}/mails/large", f"{tmp_path.name}/else/large"
    for name in (own, others):
        begin(Bucket=swift.bucket, Key=name)
    opened(swift)
    assert swift.uploads(tmp_path.name) == [others, own]

    monkeypatch.setattr("postroom.storage.s3.ABANDONED_SECONDS", -60)
    opened(swift)

    assert swift.uploads(tmp_path.name) == [others]
    assert [entry.key for entry in store.list()] == []


def test_an_upload_that_was_given_up_meanwhile_begins_anew(swift, opened, monkeypatch):
    store = opened(swift)
    monkeypatch.setattr("postroom.storage.s3.ABANDONED_SECONDS", -60)
    with store.open_write("large") as writer:
        writer.write(bytes(6 * MEGABYTE))
        opened(swift)
        with pytest.raises(TemporaryError):
            writer.commit()
    assert [entry.key for entry in store.list()] == []


# --- keys and addresses


def test_a_key_that_its_prefix_makes_too_long_is_refused(swift, opened, tmp_path):
    store = opened(swift)
    room = 1024 - len(f"{tmp_path.name}/mails/")
    longest = "/".join(["x" * 200] * 5)[:room]
    with pytest.raises(BadKeyError, match="a key and its prefix have at most 1024 bytes"):
        store.put_many([(longest + "x", b"1")])
    store.put_many([(longest, b"1")])
    assert store.get(longest) == b"1"


def test_what_people_put_beside_the_objects_is_not_listed(swift, opened, tmp_path):
    store = opened(swift)
    store.put_many([("a", b"x")])
    for name in ("mails/", "mails/folder/", "mails//x", "mailsx", "other/x"):
        key = f"{tmp_path.name}/{name}"
        swift.client.put_object(Bucket=swift.bucket, Key=key, Body=b"theirs")
    assert [entry.key for entry in store.list()] == ["a"]


NAMES = ["report.pdf", "Отчёт за январь.pdf", 'a"b\\c/..\r\nX-Evil: 1', "100 % 日本.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_presigned_address_opens_the_object_under_its_name(swift, opened, name):
    store = opened(swift)
    store.put_many([(KEY, b"body")])
    assert isinstance(store, Presigning)

    answer = requests.get(store.presigned(KEY, name, "text/plain", seconds=60), timeout=10)

    assert (answer.status_code, answer.content) == (200, b"body")
    assert answer.headers["Content-Type"].startswith("text/plain")
    told = answer.headers["Content-Disposition"]
    assert told.partition("filename*=UTF-8''")[2] == quote(name, safe="")
    assert "X-Evil" not in answer.headers


def test_a_presigned_address_that_was_changed_opens_nothing(swift, opened):
    store = opened(swift)
    store.put_many([(KEY, b"body"), ("other", b"x")])
    good = store.presigned(KEY, seconds=60)

    for bad in (good.replace(KEY, "other"), good.replace("Expires=60", "Expires=6000")):
        assert bad != good
        assert requests.get(bad, timeout=10).status_code == 403
    # The object's own address opens nothing without a signature.
    assert requests.get(store.url(KEY), timeout=10).status_code in (400, 403)
