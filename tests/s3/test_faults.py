"""What passes is waited for, what breaks goes on, what arrives otherwise is not kept."""

import hashlib
import os
import time
from email.utils import formatdate
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postroom.errors import TemporaryError
from postroom.storage import (
    ObjectDamagedError,
    s3_client,
)
from postroom.storage.s3_errors import LONGEST_PAUSE_SECONDS, translation
from tests.servers.scripted_s3 import Mood

MEGABYTE = 1024 * 1024
KEY = hashlib.sha256(b"body").hexdigest()


# --- what passes


def test_a_throttled_request_waits_as_long_as_the_server_asks(scripted, opened):
    store = opened(scripted)
    scripted.moods = [Mood("GET", 503, "SlowDown", {"Retry-After": "17"})] * s3_client.ATTEMPTS
    with pytest.raises(TemporaryError, match="S3 asks to come again") as e:
        store.get(KEY)
    assert (e.value.after, scripted.moods) == (17, [])


@pytest.mark.parametrize(
    ("told", "after"),
    [
        ("9999999", LONGEST_PAUSE_SECONDS),
        ("0", 1),
        (formatdate(0, usegmt=True), 1),
        ("soon", 5),
        ("", 5),
    ],
)
def test_retry_after_is_a_number_or_a_date_within_bounds(told, after):
    assert pause_of(told) == after


def test_retry_after_may_be_a_date_to_come():
    assert pause_of(formatdate(time.time() + 600, usegmt=True)) == pytest.approx(600, abs=60)


def pause_of(told: str) -> float:
    headers = {"retry-after": told} if told else {}
    response: Any = {"ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": headers}}
    error = translation(ClientError(response, "GetObject"), "b", KEY)
    assert isinstance(error, TemporaryError)
    return error.after


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_what_fails_once_is_tried_again(scripted, opened, status):
    store = opened(scripted)
    scripted.moods = [Mood("PUT", status, "Any")]
    store.put_many([(KEY, b"body")])
    assert store.get(KEY) == b"body"


def test_a_put_whose_answer_was_lost_is_found_to_be_there(scripted, opened):
    store = opened(scripted)
    scripted.moods = [Mood("PUT", stored=True, cut=0)]
    store.put_many([(KEY, b"body")])
    assert scripted.objects[f"mails/{KEY}"] == b"body"


def test_a_server_that_does_not_answer_is_not_waited_for_long(scripted, opened):
    store = opened(scripted, timeout_seconds="0.1")
    scripted.going.clear()
    with pytest.raises(TemporaryError, match="S3 cannot be reached"):
        store.put_many([(KEY, b"body")])


def test_a_server_that_is_away_is_no_mistake_in_the_settings(swift, opened, free_port):
    with pytest.raises(TemporaryError, match="S3 cannot be reached: Could not connect"):
        opened(swift, endpoint=f"http://127.0.0.1:{free_port}")


def test_the_server_may_die_while_objects_are_on_their_way(own_swift, opened, tmp_path):
    store = opened(own_swift)
    body = os.urandom(6 * MEGABYTE)
    with store.open_write("a") as first, store.open_write("b") as second:
        first.write(body)
        second.write(body)
        with own_swift.down():
            with pytest.raises(TemporaryError, match="S3 cannot be reached"):
                first.write(body)
            with pytest.raises(TemporaryError, match="S3 cannot be reached"):
                second.commit()
        second.commit()
        first.write(b"more")
        with pytest.raises(TemporaryError, match="not all of it was taken"):
            first.commit()

    assert [entry.key for entry in store.list()] == ["b"]
    assert store.get("b") == body
    assert own_swift.uploads(tmp_path.name) == []
    store.put_many([("a", body)])
    assert store.get("a") == body


def test_a_stream_goes_on_where_the_connection_broke(scripted, opened):
    store = opened(scripted)
    body = os.urandom(3 * MEGABYTE)
    store.put_many([("large", body)])
    scripted.moods = [Mood("GET", cut=MEGABYTE), Mood("GET", cut=MEGABYTE)]

    with store.open_read("large") as stream:
        assert stream.read() == body

    ranges = [asked.headers["Range"] for asked in scripted.asked if "Range" in asked.headers]
    assert len(ranges) == 2
    assert all(asked.headers.get("If-Match", scripted.etag(body)) for asked in scripted.asked)


def test_a_stream_that_breaks_without_a_byte_is_given_up(scripted, opened):
    store = opened(scripted)
    store.put_many([("large", bytes(MEGABYTE))])
    scripted.moods = [Mood("GET", cut=0)] * 3
    with store.open_read("large") as stream, pytest.raises(TemporaryError, match="large: "):
        stream.read()


# --- proof


def test_what_arrives_otherwise_is_not_kept(scripted, opened):
    store = opened(scripted)
    scripted.spoils = True
    with pytest.raises(TemporaryError, match="S3 holds other bytes than were sent"):
        store.put_many([(KEY, b"body")])
    assert list(scripted.objects) == ["mails/.postroom-store"]


def test_what_no_answer_proves_is_read_back(scripted, opened):
    store = opened(scripted)
    scripted.etags = False
    scripted.asked.clear()

    store.put_many([(KEY, b"body")])

    assert scripted.methods() == ["PUT", "GET"]
    assert store.get(KEY) == b"body"


def test_other_bytes_than_the_key_says_are_damage(scripted, opened):
    store = opened(scripted)
    store.put_many([(KEY, b"body")])
    scripted.objects[f"mails/{KEY}"] = b"b0dy"
    with pytest.raises(ObjectDamagedError, match="other bytes than the key says"):
        store.get(KEY)
    assert not store.verify(KEY)


@pytest.mark.parametrize("unknown", [set(), {"x-amz-checksum-sha256"}, {"if-none-match"},
                                     {"x-amz-checksum-sha256", "if-none-match"}])  # fmt: skip
def test_a_server_that_knows_less_keeps_what_is_there_as_well(scripted, opened, unknown):
    scripted.conditional = False
    scripted.unknown = unknown
    store = opened(scripted)

    store.put_many([("a", b"first")])
    store.put_many([("a", b"other")])

    assert store.get("a") == b"first"
    assert opened(scripted).id == store.id


def test_a_new_object_takes_one_request(scripted, opened):
    store = opened(scripted)
    scripted.asked.clear()
    store.put_many([(KEY, b"body")])
    assert scripted.methods() == ["PUT"]
