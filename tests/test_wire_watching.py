"""What a monitor and the master say to each other comes out as it went in, or is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom import wire
from postroom.errors import WireError
from tests.test_wire import HASH, ID, counts, hashes, ids, names, seconds, texts

records = st.builds(
    wire.FileRecord,
    url=names,
    outcome=st.sampled_from(["stored", "unchanged", "failed"]),
    reason=texts,
    sha256=st.just("") | hashes,
    size=counts,
    name=texts,
    type=texts,
    etag=texts,
    last_modified=texts,
    key=texts,
)
requests = (
    st.builds(
        wire.Links,
        page=names,
        url=names,
        links=st.lists(st.builds(wire.Link, url=names, text=texts), max_size=5),
        last=st.booleans(),
    )
    | st.builds(
        wire.Files,
        page=names,
        storage=texts,
        items=st.lists(records, min_size=1, max_size=5),
        recheck=seconds,
    )
    | st.builds(
        wire.Looked,
        page=names,
        url=names,
        next_look=seconds,
        links=counts,
        error=texts,
        took=seconds,
        digest=st.booleans(),
    )
    | st.builds(
        wire.Pulse,
        pages=st.lists(names, max_size=5),
        mails=st.booleans(),
        digest_of=texts,
        done=st.lists(st.tuples(counts, texts), max_size=3),
        later=st.lists(st.builds(wire.Later, task=counts, after=seconds, reason=texts), max_size=3),
    )
)

digests = st.builds(
    wire.WatchDigest,
    id=counts,
    message_id=texts,
    created=texts,
    page=texts,
    files=st.lists(
        st.builds(
            wire.DigestFile,
            id=counts,
            page=names,
            what=st.sampled_from(["new", "changed", "failed"]),
            filename=texts,
            url=names,
            size=counts,
            storage_url=texts,
            reason=texts,
        ),
        max_size=3,
    ),
)
watch_tasks = st.builds(
    wire.WatchTask,
    id=counts,
    kind=st.sampled_from(["check", "download", "digest"]),
    source=texts,
    target=st.just({}) | digests.map(msgspec.to_builtins),
)
replies = (
    st.builds(
        wire.LinksReply,
        wanted=st.lists(
            st.builds(
                wire.WantedFile,
                url=names,
                what=st.sampled_from(["new", "recheck"]),
                etag=texts,
                last_modified=texts,
                sha256=st.just("") | hashes,
                size=counts,
            ),
            max_size=3,
        ),
    )
    | st.builds(
        wire.FilesReply,
        items=st.lists(
            st.builds(
                wire.FileReply,
                url=names,
                status=st.sampled_from(["stored", "changed", "known", "failed", "retry"]),
                id=counts,
                after=seconds,
                reason=texts,
            ),
            max_size=3,
        ),
    )
    | st.builds(wire.LookedReply, new=counts, changed=counts, failed=counts, digest=st.booleans())
    | st.builds(wire.PulseReply, tasks=st.lists(watch_tasks, max_size=3))
)


@given(requests)
def test_a_request_comes_out_as_it_went_in(request_):
    envelope = wire.decode_request(wire.encode_request(request_))

    assert envelope.request == request_
    assert list(envelope.bodies()) == []


@given(requests, st.data())
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


@given(replies, ids)
def test_a_reply_comes_out_with_the_id_of_its_request(reply, request_id):
    found = wire.decode_reply(wire.encode_reply(reply, request_id), type(reply))

    assert found == msgspec.structs.replace(reply, id=request_id)


@given(digests)
def test_a_digest_comes_out_of_a_task_as_it_went_in(digest):
    task = wire.WatchTask(id=1, kind="digest", target=msgspec.to_builtins(digest))

    found = wire.decode_reply(wire.encode_reply(wire.PulseReply(tasks=[task]), ID), wire.PulseReply)

    assert isinstance(found, wire.PulseReply)
    assert msgspec.convert(found.tasks[0].target, wire.WatchDigest) == digest


def test_a_monitor_without_pages_has_a_pulse_all_the_same():
    pulse = wire.Pulse()

    assert wire.decode_request(wire.encode_request(pulse)).request == pulse


def links_of(*links):
    return wire.encode_request(wire.Links(page="p", url="u", links=list(links)))


def files_of(*items):
    return wire.encode_request(wire.Files(page="p", storage="s", items=list(items)))


def record(**told):
    return msgspec.structs.replace(RECORD, **told)


RECORD = wire.FileRecord(url="u", outcome="stored", sha256=HASH, key="k")
INCONSISTENT = {
    "more links than a message has": lambda: links_of(*[wire.Link(url="u")] * 1_001),
    "a link to nowhere": lambda: links_of(wire.Link(url="")),
    "a URL without end": lambda: links_of(wire.Link(url="u" * 8_001)),
    "a text without end": lambda: links_of(wire.Link(url="u", text="t" * 2_001)),
    "no records": files_of,
    "more records than a message has": lambda: files_of(*[RECORD] * 201),
    "an unknown outcome": lambda: files_of(record(outcome="lost")),
    "a hash in capitals": lambda: files_of(record(sha256="A" * 64)),
    "a hash and a newline": lambda: files_of(record(sha256=f"{HASH}\n")),
    "a file of less than nothing": lambda: files_of(record(size=-1)),
    "a look without end": lambda: wire.encode_request(
        wire.Looked(page="p", url="u", next_look=float("inf"))
    ),
    "a page without a name": lambda: wire.encode_request(
        wire.Looked(page="", url="u", next_look=1)
    ),
    "more pages than a monitor has": lambda: wire.encode_request(wire.Pulse(pages=["p"] * 5_001)),
    "more results than a pulse has": lambda: wire.encode_request(wire.Pulse(done=[(1, "")] * 101)),
    "a day without end": lambda: wire.encode_request(wire.Pulse(digest_of="d" * 41)),
    "links and a body": lambda: wire.encode_request(wire.Links(page="p", url="u"), [b"x"]),
}


@pytest.mark.parametrize("build", INCONSISTENT.values(), ids=INCONSISTENT.keys())
def test_an_inconsistent_request_is_refused_with_its_id(build):
    frames = build()
    with pytest.raises(WireError) as caught:
        wire.decode_request(frames)
    assert caught.value.request_id == wire.request_id(frames)


def test_the_largest_messages_are_taken():
    longest = "u" * wire.MAX_URL

    assert wire.decode_request(links_of(*[wire.Link(url="u" * 1_000)] * wire.MAX_LINKS))
    assert wire.decode_request(files_of(*[record(url=longest)] * wire.MAX_FILES))
    assert wire.decode_request(wire.encode_request(wire.Pulse(pages=["p" * 255] * 5_000)))
