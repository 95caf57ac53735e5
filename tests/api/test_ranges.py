"""A part of a mail or of an attachment is sent to who asks for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.rest.ranges import span
from tests.api.caller import Caller, mail_bytes

RAW = mail_bytes(1)
SIZE = len(RAW)


@pytest.fixture
def held(api: Caller) -> Caller:
    api.hello()
    api.push(1)
    return api


def ask(api: Caller, wanted: str, **more: str) -> tuple[int, bytes, str | None]:
    response = api.client.get("/v1/mails/1/raw", headers={"Range": wanted, **more})
    return response.status_code, response.data, response.headers.get("Content-Range")


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=3-9", 3, 10),
        ("bytes=3-", 3, SIZE),
        ("bytes=-4", SIZE - 4, SIZE),
        ("bytes=-99999", 0, SIZE),
        ("bytes=5-99999", 5, SIZE),
        ("Bytes = 0 - 1", 0, 2),
    ],
)
def test_a_range_is_a_part(held: Caller, wanted: str, start: int, stop: int) -> None:
    assert ask(held, wanted) == (206, RAW[start:stop], f"bytes {start}-{stop - 1}/{SIZE}")


@pytest.mark.parametrize("wanted", ["bytes=-0", f"bytes={SIZE}-", "bytes=99999-999999"])
def test_a_range_outside_is_refused_with_the_size(held: Caller, wanted: str) -> None:
    status, _, content_range = ask(held, wanted)

    assert (status, content_range) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize(
    "wanted", ["bytes=2-1", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,4-5", "0-1", "bytes=²-"]
)
def test_what_is_no_single_range_is_ignored(held: Caller, wanted: str) -> None:
    assert ask(held, wanted) == (200, RAW, None)


def test_a_range_of_something_else_gets_all(held: Caller) -> None:
    tag = held.client.get("/v1/mails/1/raw").headers["ETag"]

    assert ask(held, "bytes=0-0", **{"If-Range": tag})[0] == 206
    for other in ('"other"', f"W/{tag}", "Fri, 30 Jan 2026 10:02:00 GMT"):
        assert ask(held, "bytes=0-0", **{"If-Range": other}) == (200, RAW, None)


def test_a_head_tells_the_size_and_no_more(held: Caller) -> None:
    response = held.client.head("/v1/mails/1/raw")

    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Content-Length"] == str(SIZE)
    assert response.headers["Accept-Ranges"] == "bytes"


@given(st.integers(0, 20), st.integers(0, 25), st.integers(0, 25))
def test_every_range_is_what_the_bytes_say(size: int, first: int, last: int) -> None:
    whole = bytes(range(size))
    both, suffix = span(f"bytes={first}-{last}", size), span(f"bytes=-{last}", size)

    if first <= last:
        assert both is not None
        assert whole[both.start : both.stop] == whole[first : last + 1]
    else:
        assert both is None
    if suffix is not None:
        assert whole[suffix.start : suffix.stop] == (whole[-last:] if last else b"")
