"""The codec: whole requests pass unchanged, everything else is refused within bounds."""

import tracemalloc
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom import wire
from postroom.errors import WireError

ID = "0" * 32
HASH = "a" * 64
PLACE: dict[str, Any] = {"mailbox": "work", "epoch": 1, "folder": "INBOX", "uidvalidity": 7}
HELLO = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")

uids = st.integers(1, 2**32 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = texts.filter(bool)
keys = uids | names
counts = st.integers(0, 2**63 - 1)
seconds = st.floats(0, 1e9)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
ids = st.text("0123456789abcdef", min_size=32, max_size=32)
places = {"mailbox": names, "epoch": counts, "folder": texts, "uidvalidity": counts}
statuses = st.builds(wire.Status, uidnext=st.none() | counts, exists=st.none() | counts)


@st.composite
def ranges(draw):
    edges = sorted(draw(st.sets(st.integers(1, 15_000), min_size=2, max_size=40)))
    return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=False)]


@st.composite
def windows(draw):
    if draw(st.booleans()):
        listed = draw(ranges())
        return wire.Window(low=1, high=2**32 - 1, ranges=listed)
    listed = draw(st.lists(names, max_size=5))
    return wire.Window(low=min(listed, default="a"), high=max(listed, default="a"), keys=listed)


@st.composite
def pushes(draw):
    bodies = draw(st.lists(st.binary(max_size=50), min_size=1, max_size=8))
    items = [
        wire.Item(key=key, length=len(body), size=draw(counts))
        for key, body in enumerate(bodies, 1)
    ]
    gone = wire.Item(key=draw(names), outcome=draw(st.sampled_from(["refused", "gone"])))
    upload = wire.Upload(id=draw(ids), size=draw(counts), sha256=draw(hashes))
    ahead = wire.Item(key=4_000_000_000, upload=upload)
    place = draw(st.fixed_dictionaries(places))
    return wire.Push(**place, items=[*items, gone, ahead]), bodies


requests_without_body = (
    st.builds(
        wire.Hello, mailbox=names, kind=names, fingerprint=texts, interval=seconds, version=names
    )
    | st.builds(
        wire.Offer,
        **places,
        window=st.none() | windows(),
        status=statuses,
        digests=st.lists(st.builds(wire.Digest, key=keys, size=counts, header_sha256=hashes)),
        renumbered=st.none() | counts,
        generation=st.none() | counts,
    )
    | st.builds(
        wire.Pass,
        **places,
        error=texts,
        done=st.lists(st.tuples(counts, texts), max_size=3),
        window=st.none()
        | st.builds(
            wire.PassWindow,
            pass_id=ids,
            index=counts,
            last=st.booleans(),
            window=st.none() | windows(),
            status=statuses,
            took=seconds,
        ),
    )
)


@given(requests_without_body)
def test_a_request_comes_out_as_it_went_in(request_):
    envelope = wire.decode_request(wire.encode_request(request_))

    assert envelope.request == request_
    assert list(envelope.bodies()) == []


@given(pushes())
def test_a_push_comes_out_with_each_item_and_its_bytes(push):
    request_, bodies = push

    envelope = wire.decode_request(wire.encode_request(request_, bodies))

    assert envelope.request == request_
    found = [bytes(body) for item, body in envelope.bodies() if item.length or item.key in (1, 2)]
    assert found[: len(bodies)] == [b for k, b in enumerate(bodies, 1) if b or k in (1, 2)]


@given(st.binary(min_size=1, max_size=100), ids, counts)
def test_a_part_comes_out_with_its_piece(piece, upload, offset):
    part = wire.Part(upload=upload, offset=offset)

    envelope = wire.decode_request(wire.encode_request(part, [piece]))

    assert (envelope.request, bytes(envelope.body)) == (part, piece)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_rubbish_frames_raise_nothing_but_wire_error(frames):
    with pytest.raises(WireError):
        wire.decode_request(frames)


@given(st.binary(max_size=300))
def test_a_rubbish_header_raises_nothing_but_wire_error(header):
    for read in (wire.decode_request, lambda frames: wire.decode_reply(frames, wire.PushReply)):
        with pytest.raises(WireError):
            read([wire.VERSION, header, b""])


@given(requests_without_body, st.data())
def test_a_damaged_request_is_refused_or_still_within_the_bounds(request_, data):
    frames = wire.encode_request(request_)
    header = bytearray(frames[1])
    header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    try:
        envelope = wire.decode_request([frames[0], bytes(header), frames[2]])
    except WireError:
        return
    again = wire.decode_request(wire.encode_request(envelope.request))
    assert again.request == envelope.request


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**64 - 1) | st.floats() | texts | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)
commands = st.sampled_from(
    ["HELLO", "OFFER", "PUSH", "PART", "PASS", "LINKS", "FILES", "LOOKED", "FETCH"]
)
fields = st.sampled_from(
    ["serial", "mailbox", "epoch", "folder", "items", "window", "upload", "page", "links", "last"]
)


@given(commands, st.dictionaries(fields, anything), st.binary(max_size=20))
def test_a_header_of_wrong_types_raises_nothing_but_wire_error(command, header, body):
    packed = msgpack.packb({"id": ID, "cmd": command, **header})
    with pytest.raises(WireError) as caught:
        wire.decode_request([wire.VERSION, packed, body])
    assert caught.value.request_id in ("", ID)


replies = (
    st.builds(wire.PartReply, received=counts)
    | st.builds(wire.Retry, after=seconds, reason=texts)
    | st.builds(wire.Refusal, code=texts, message=texts)
    | st.builds(
        wire.PushReply,
        items=st.lists(
            st.builds(
                wire.ItemReply,
                key=keys,
                status=st.sampled_from(["stored", "duplicate", "retry", "too_big"]),
                after=seconds,
                reason=texts,
            ),
            max_size=5,
        ),
    )
)


@given(replies, ids)
def test_a_reply_comes_out_with_the_id_of_its_request(reply, request_id):
    expected = wire.PushReply if isinstance(reply, wire.PushReply) else wire.PartReply

    found = wire.decode_reply(wire.encode_reply(reply, request_id), expected)

    assert found == msgspec.structs.replace(reply, id=request_id)


def test_resending_keeps_the_id_and_other_content_changes_it():
    def id_of(request_, body=()):
        return wire.request_id(wire.encode_request(request_, body))

    part = wire.Part(upload=ID, offset=0)
    twin = wire.Part(upload=ID, offset=0)

    assert id_of(part, [b"ab"]) == id_of(part, [b"a", b"b"])
    assert id_of(part, [b"ab"]) != id_of(part, [b"ac"])
    assert id_of(part, [b"ab"]) != id_of(twin, [b"ab"])


def push_of(*items, body=b""):
    return wire.encode_request(wire.Push(**PLACE, items=list(items)), [body])


def offer_of(**window):
    return wire.encode_request(wire.Offer(**PLACE, window=wire.Window(**window)))


UPLOAD = wire.Upload(id=ID, size=1, sha256=HASH)
INCONSISTENT = {
    "lengths and body differ": lambda: push_of(wire.Item(key=1, length=2), body=b"x"),
    "a key twice": lambda: push_of(wire.Item(key=1), wire.Item(key=1)),
    "an outcome with bytes": lambda: push_of(wire.Item(key=1, outcome="gone", length=1), body=b"x"),
    "an outcome with an upload": lambda: push_of(wire.Item(key=1, outcome="gone", upload=UPLOAD)),
    "an upload with bytes": lambda: push_of(wire.Item(key=1, upload=UPLOAD, length=1), body=b"x"),
    "no items": push_of,
    "too many items": lambda: push_of(*(wire.Item(key=k) for k in range(1, 1_002))),
    "a key of zero": lambda: push_of(wire.Item(key=0)),
    "a UID of 33 bits": lambda: push_of(wire.Item(key=2**32)),
    "an outcome and a newline": lambda: push_of(wire.Item(key=1, outcome="gone\n")),
    "an upload id with a newline": lambda: wire.encode_request(
        wire.Part(upload=f"{ID}\n", offset=0), [b"x"]
    ),
    "an upload id that is a path": lambda: wire.encode_request(
        wire.Part(upload="../../etc/cron.d/aaaaaaaaaaaaaaa", offset=0), [b"x"]
    ),
    "a part without bytes": lambda: wire.encode_request(wire.Part(upload=ID, offset=0)),
    "a part over the limit": lambda: wire.encode_request(
        wire.Part(upload=ID, offset=0), [bytes(wire.MAX_PART + 1)]
    ),
    "a body where none belongs": lambda: wire.encode_request(HELLO, [b"x"]),
    "low above high": lambda: offer_of(low=9, high=1),
    "low and high of two kinds": lambda: offer_of(low=1, high="z"),
    "ranges and keys": lambda: offer_of(low="a", high="z", keys=["b"], ranges=[(1, 2)]),
    "ranges in a text window": lambda: offer_of(low="a", high="z", ranges=[(1, 2)]),
    "ranges and keys, all inside": lambda: offer_of(low=1, high=9, keys=["b"], ranges=[(1, 2)]),
    "falling ranges": lambda: offer_of(low=1, high=9, ranges=[(5, 6), (1, 2)]),
    "ranges that touch": lambda: offer_of(low=1, high=9, ranges=[(1, 5), (5, 6)]),
    "a range that falls": lambda: offer_of(low=1, high=9, ranges=[(5, 4)]),
    "a range below the window": lambda: offer_of(low=2, high=9, ranges=[(1, 3)]),
    "a range above the window": lambda: offer_of(low=2, high=9, ranges=[(3, 10)]),
    "a key outside of the window": lambda: offer_of(low="a", high="c", keys=["b", "d"]),
    "more keys than a window has": lambda: offer_of(
        low=1, high=2**32 - 1, ranges=[(1, wire.MAX_WINDOW + 1)]
    ),
    "more ranges than a window has": lambda: offer_of(
        low=1, high=2**32 - 1, ranges=[(k, k) for k in range(1, 2 * wire.MAX_RANGES + 4, 2)]
    ),
    "an interval without end": lambda: wire.encode_request(
        msgspec.structs.replace(HELLO, interval=float("inf"))
    ),
    "an interval that is no number": lambda: wire.encode_request(
        msgspec.structs.replace(HELLO, interval=float("nan"))
    ),
    "a name without letters": lambda: wire.encode_request(
        msgspec.structs.replace(HELLO, mailbox="")
    ),
}


@pytest.mark.parametrize("build", INCONSISTENT.values(), ids=INCONSISTENT.keys())
def test_an_inconsistent_request_is_refused_with_its_id(build):
    frames = build()
    with pytest.raises(WireError) as caught:
        wire.decode_request(frames)
    assert caught.value.request_id == wire.request_id(frames)


def header(**fields):
    return msgpack.packb(fields)


FRAMES = {
    "none": [],
    "one too few": [wire.VERSION, header(id=ID, cmd="HELLO")],
    "one too many": [*wire.encode_request(HELLO), b""],
    "another version": [b"postroom/2", *wire.encode_request(HELLO)[1:]],
    "a long version": [wire.VERSION * 1000, *wire.encode_request(HELLO)[1:]],
    "an empty header": [wire.VERSION, b"", b""],
    "a header that is a list": [wire.VERSION, msgpack.packb([1]), b""],
    "bytes after the header": [wire.VERSION, wire.encode_request(HELLO)[1] + b"x", b""],
    "no id": [wire.VERSION, header(cmd="HELLO"), b""],
    "an id with a newline": [wire.VERSION, header(id=f"{ID}\n", cmd="HELLO"), b""],
    "an unknown command": [wire.VERSION, header(id=ID, cmd="FETCH"), b""],
    "a header over the limit": [wire.VERSION, bytes(wire.MAX_HEADER + 1), b""],
    "a body over the limit": [wire.VERSION, header(id=ID), bytes(wire.MAX_MESSAGE)],
    "text that is not UTF-8": [wire.VERSION, header(id=ID, cmd="HELLO", mailbox=b"\xff"), b""],
}


@pytest.mark.parametrize("frames", FRAMES.values(), ids=FRAMES.keys())
def test_frames_that_are_no_request_are_refused(frames):
    with pytest.raises(WireError):
        wire.decode_request(frames)


def _nested(depth):
    return b"\x91" * depth + b"\xc0"


def _bombs():
    start = b"\x83\xa2id\xd9\x20" + ID.encode() + b"\xa3cmd\xa5HELLO\xa1x"
    million = 1_000_000
    return {
        "nested arrays": start + _nested(million),
        "nested maps": start + b"\x81\xa1a" * 500_000 + b"\xc0",
        "empty maps": start + b"\xdd\x00\x1e\x84\x80" + b"\x80" * 2 * million,
        "empty arrays": start + b"\xdd\x00\x1e\x84\x80" + b"\x90" * 2 * million,
        "small numbers": start + b"\xdd\x00\x1e\x84\x80" + b"\x01" * 2 * million,
        "an array that lies": start + b"\xdd\xff\xff\xff\xff",
        "a map that lies": start + b"\xdf\xff\xff\xff\xff",
        "a text that lies": start + b"\xdb\xff\xff\xff\xff",
        "bytes that lie": start + b"\xc6\xff\xff\xff\xff",
        "an ext that lies": start + b"\xc9\xff\xff\xff\xff\x05",
        "a timestamp out of range": start + b"\xc7\x0c\xff" + b"\xff" * 12,
    }


@pytest.mark.parametrize("bomb", _bombs().values(), ids=_bombs().keys())
def test_a_msgpack_bomb_costs_no_memory(bomb):
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            wire.decode_request([wire.VERSION, bomb, b""])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


PLAIN_BOMBS = {
    "nested": _nested(100_000),
    "too many": msgpack.packb([0] * 20_001),
    "a long text": msgpack.packb("x" * 70_000),
    "an ext": msgpack.packb(msgpack.ExtType(5, b"x")),
    "a timestamp": msgpack.packb(msgpack.Timestamp(2**60, 1)),
    "keys that are no text": msgpack.packb({1: 2}),
    "half a value": b"\x92\x01",
    "text that is not UTF-8": b"\xa1\xff",
    "nothing": b"",
}


@pytest.mark.parametrize("packed", PLAIN_BOMBS.values(), ids=PLAIN_BOMBS.keys())
def test_plain_values_are_read_within_bounds(packed):
    with pytest.raises(WireError):
        wire.unpack(packed)


@given(anything)
def test_plain_values_come_out_as_they_went_in(value):
    # NaN is not equal to itself, the bytes are.
    assert wire.pack(wire.unpack(wire.pack(value))) == wire.pack(value)


def test_a_message_over_the_limit_is_not_sent():
    with pytest.raises(WireError, match="over the limit"):
        wire.encode_request(wire.Part(upload=ID, offset=0), [bytes(wire.MAX_MESSAGE)])
    with pytest.raises(WireError, match="over the limit"):
        wire.encode_reply(wire.Retry(after=1, reason="x" * wire.MAX_HEADER), ID)


@pytest.mark.parametrize("status", ["maybe", "", "x" * 100])
def test_a_reply_of_unknown_status_is_refused(status):
    with pytest.raises(WireError):
        wire.decode_reply([wire.VERSION, header(id=ID, status=status), b""], wire.PartReply)


def test_a_reply_of_another_kind_than_expected_is_refused():
    frames = wire.encode_reply(wire.PartReply(received=1), ID)
    with pytest.raises(WireError):
        wire.decode_reply(frames, wire.PushReply)


def test_a_window_lists_its_keys():
    assert wire.Window(low=1, high=9, ranges=[(1, 3), (5, 5)]).listed() == [1, 2, 3, 5]
    assert wire.Window(low="a", high="c", keys=["c", "a"]).listed() == ["c", "a"]
    assert wire.Window(low=1, high=9).listed() == []


def test_uids_become_ranges_and_ranges_uids():
    assert wire.compressed([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert wire.compressed([]) == []
