"""A request through a worker's pipeline: real store, real spool, an API behind real HTTP."""

import dataclasses
import json
import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from master.orders import Order
from master.outage import ApiAwayError
from master.pipeline import TWICE, Pipeline
from master.sinks import SINKS, open_sinks
from master.spool import Spool
from postroom import records, settings, wire
from postroom.api_client import ApiClient
from postroom.errors import RefusedError, SettingsError, TemporaryError
from postroom.storage import open_storage
from tests.servers.stub_api import StubApi

PLACE: dict[str, Any] = {"mailbox": "work", "epoch": 1, "folder": "INBOX", "uidvalidity": 7}
MAIL_BYTES = 10_000_000
UPLOAD = "a" * 32


def parse(raw):
    """As far as these tests need mail to be understood."""
    head, _, text = raw.partition(b"\n\n")
    if b"unparsable" in head:
        raise ValueError("cannot parse this")
    return records.Mail(
        subject=head.removeprefix(b"Subject: ").decode("utf-8", "surrogateescape"),
        text=text.decode(),
        attachments=(
            records.Attachment(
                name="../../a.txt",
                type="text/plain",
                content_id="",
                inline=False,
                size=1,
                sha256="b" * 64,
                part="2",
            ),
        ),
    )


def mail(subject, text="body"):
    return f"Subject: {subject}\n\n{text}".encode()


def envelope(request, *bodies):
    return wire.decode_request(wire.encode_request(request, bodies))


def push(*raws, first=1):
    items = [wire.Item(key=key, length=len(raw)) for key, raw in enumerate(raws, first)]
    return envelope(wire.Push(**PLACE, items=items), *raws)


@pytest.fixture
def api():
    stub = StubApi()
    yield stub
    stub.close()


@pytest.fixture
def make(api, tmp_path):
    opened: list[Any] = []

    def pipeline(sinks=("api",), url=""):
        client = ApiClient(url or api.url)
        storage = open_storage("sqlite", tmp_path / "mails.sqlite")
        opened.extend([client, storage])
        config = settings.Config(tmp_path / "config.ini")
        spool = Spool(tmp_path / "spool", MAIL_BYTES)
        limits = wire.Limits(mail_bytes=MAIL_BYTES, batch_items=5)
        return Pipeline(client, storage, open_sinks(sinks, config, client), spool, parse, limits)

    yield pipeline
    for one in opened:
        one.close()


@pytest.fixture
def pipeline(make):
    return make()


@pytest.fixture
def answer(pipeline):
    def ask(asked, order=None):
        return pipeline.answer(asked, order or Order(), lambda: None)

    return ask


def statuses(reply):
    return [item.status for item in reply.items]


def test_mails_are_kept_parsed_and_delivered(answer, pipeline, api):
    raws = [mail("one"), mail("two")]

    reply = answer(push(*raws))

    assert [(item.key, item.status) for item in reply.items] == [(1, "stored"), (2, "stored")]
    for key, raw in enumerate(raws, 1):
        digest = sha256(raw).hexdigest()
        assert pipeline.storage.get(digest) == raw
        assert (api.mails[key]["sha256"], api.mails[key]["size"]) == (digest, len(raw))
    assert api.mails[1]["mail"]["subject"] == "one"
    assert api.mails[1]["uidvalidity"] == 7
    assert api.batches == [2]


def test_the_same_mail_twice_is_a_duplicate(answer):
    assert statuses(answer(push(mail("one")))) == ["stored"]
    assert statuses(answer(push(mail("one")))) == ["duplicate"]


def test_the_raw_bytes_are_kept_before_the_parser_sees_them(answer, pipeline):
    seen = []

    def watch(raw):
        seen.append(pipeline.storage.get(sha256(raw).hexdigest()) == raw)
        return parse(raw)

    object.__setattr__(pipeline, "parse", watch)
    answer(push(mail("one")))

    assert seen == [True]


def test_a_mail_that_cannot_be_parsed_is_set_aside_with_its_bytes(answer, pipeline, api):
    raws = [mail("one"), mail("unparsable"), mail("three")]

    assert statuses(answer(push(*raws))) == ["stored", "quarantined", "stored"]

    told = api.mails[2]
    assert (told["stage"], told["reason"]) == ("parse", "ValueError: cannot parse this")
    assert "mail" not in told
    assert pipeline.storage.get(told["sha256"]) == raws[1]


@pytest.mark.parametrize("lack", [MemoryError(), TemporaryError("the disk is busy")])
def test_what_the_machine_lacks_is_no_fault_of_the_mail(pipeline, api, lack):
    def starved(raw):
        raise lack

    poor = dataclasses.replace(pipeline, parse=starved)
    with pytest.raises(type(lack)):
        poor.answer(push(mail("one")), Order(), lambda: None)

    assert api.batches == []


def test_a_spool_that_fails_before_the_parser_is_no_fault_of_the_mail(pipeline, api, tmp_path):
    raw = mail("large", "x" * 1000)
    pipeline.spool.put(UPLOAD, 0, raw)
    upload = wire.Upload(id=UPLOAD, size=len(raw), sha256=sha256(raw).hexdigest())
    asked = envelope(wire.Push(**PLACE, items=[wire.Item(key=1, upload=upload)]))
    lost = dataclasses.replace(pipeline, spool=SpoolReadOnce(tmp_path / "spool", MAIL_BYTES))

    with pytest.raises(TemporaryError, match="spool"):
        lost.answer(asked, Order(), lambda: None)

    assert api.batches == []


class SpoolReadOnce(Spool):
    """Its disk goes away after the first reading, when the bytes are in the store."""

    @contextmanager
    def read(self, upload):
        with super().read(upload) as stream:
            yield stream
        self.remove(upload)


def test_a_mail_that_must_not_be_parsed_again_is_kept_raw(answer, api):
    reply = answer(push(mail("one"), mail("killer")), Order(only=(1,), raw=(1,)))

    assert [(item.key, item.status) for item in reply.items] == [(2, "quarantined")]
    assert (api.mails[2]["stage"], api.mails[2]["reason"]) == ("parse", TWICE)


def test_an_order_for_some_items_leaves_the_others(answer, api):
    reply = answer(push(*(mail(str(n)) for n in range(4))), Order(only=(1, 3)))

    assert [item.key for item in reply.items] == [2, 4]
    assert sorted(api.mails) == [2, 4]


def test_items_without_bytes_are_told_with_their_reason(answer, api):
    items = [
        wire.Item(key=1, outcome="refused", reason="NO [UNAVAILABLE]"),
        wire.Item(key=2, outcome="gone"),
        wire.Item(key=3, outcome="too_big", size=10**9),
        wire.Item(key=4, length=4),
    ]

    reply = answer(envelope(wire.Push(**PLACE, items=items), b"mail"))

    assert statuses(reply) == ["refused", "gone", "too_big", "stored"]
    assert [api.mails[key]["stage"] for key in (1, 2, 3)] == ["fetch", "fetch", "size"]
    assert api.mails[1]["reason"] == "NO [UNAVAILABLE]"
    assert "sha256" not in api.mails[2]


def upload(raw, **changes):
    told = {"id": UPLOAD, "size": len(raw), "sha256": sha256(raw).hexdigest(), **changes}
    return envelope(wire.Push(**PLACE, items=[wire.Item(key=9, upload=wire.Upload(**told))]))


def send_parts(answer, raw, piece=wire.MAX_PART):
    for start in range(0, len(raw), piece):
        part = wire.Part(upload=UPLOAD, offset=start)
        reply = answer(envelope(part, raw[start : start + piece]))
    return reply.received


def test_a_large_mail_goes_by_parts(answer, pipeline, api, tmp_path):
    raw = mail("large", "x" * 9_000_000)
    assert send_parts(answer, raw) == len(raw)

    assert statuses(answer(upload(raw))) == ["stored"]

    assert pipeline.storage.get(api.mails[9]["sha256"]) == raw
    assert api.mails[9]["mail"]["subject"] == "large"
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_mail_of_one_message_that_is_large_goes_to_the_store_in_pieces(answer, pipeline):
    raw = mail("large", "x" * 6_000_000)

    assert statuses(answer(push(raw, mail("small")))) == ["stored", "stored"]

    assert pipeline.storage.size(sha256(raw).hexdigest()) == len(raw)


def test_parts_that_do_not_make_what_was_told_start_again(answer, pipeline, tmp_path):
    send_parts(answer, b"not what was told")

    reply = answer(upload(b"something of 17 b"))

    assert statuses(reply) == ["retry"]
    assert list((tmp_path / "spool").iterdir()) == []
    assert list(pipeline.storage.list()) == []


def test_a_push_before_its_last_part_says_what_is_missing(answer, api):
    send_parts(answer, b"0123456789")

    reply = answer(upload(b"x" * 20))

    assert (statuses(reply), reply.items[0].reason) == (["retry"], "10 of 20 bytes have come")
    assert api.batches == []


def test_an_upload_longer_than_told_is_not_what_was_told(answer):
    send_parts(answer, b"0123456789")

    assert statuses(answer(upload(b"01234"))) == ["retry"]


def test_a_mail_over_the_limit_is_told_as_too_big(answer, api):
    reply = answer(upload(b"", size=MAIL_BYTES + 1))

    assert statuses(reply) == ["too_big"]
    assert api.mails[9]["reason"] == f"over {MAIL_BYTES} bytes"


def test_an_upload_stays_when_the_api_is_away(answer, api, tmp_path):
    raw = mail("large")
    send_parts(answer, raw)
    api.refuse = lambda mails: (503, "busy")
    with pytest.raises(TemporaryError):
        answer(upload(raw))

    api.refuse = lambda mails: None

    assert statuses(answer(upload(raw))) == ["stored"]


def test_a_large_mail_that_must_not_be_parsed_is_not_even_read(answer, api):
    raw = mail("killer")
    send_parts(answer, raw)

    assert statuses(answer(upload(raw), Order(raw=(0,)))) == ["quarantined"]
    assert api.mails[9]["size"] == len(raw)


def test_the_worker_tells_when_parsing_is_over(pipeline, api):
    said = []

    pipeline.answer(push(mail("one")), Order(), lambda: said.append(list(api.mails)))

    assert said == [[]]


def test_an_api_that_is_away_is_told_from_a_store_that_is(make, api):
    for status in (500, 503, 429):
        api.refuse = lambda mails, status=status: (status, "busy")
        with pytest.raises(ApiAwayError):
            make().answer(push(mail("one")), Order(), lambda: None)
    with pytest.raises(ApiAwayError):
        make(url="http://127.0.0.1:9").answer(push(mail("one")), Order(), lambda: None)
    with pytest.raises(ApiAwayError):
        make(url="http://127.0.0.1:9").probe()


def test_a_token_that_is_refused_is_no_fault_of_the_mails(answer, api):
    api.refuse = lambda mails: (401, "unauthorized")

    with pytest.raises(ApiAwayError, match="refuses the master"):
        answer(push(mail("one"), mail("two")))

    assert api.batches == [2]


@pytest.mark.parametrize("code", ["unknown_mailbox", "storage_mismatch"])
def test_a_refusal_of_the_source_is_handed_to_the_source(answer, api, code):
    api.refuse = lambda mails: (409, code)

    with pytest.raises(RefusedError) as refused:
        answer(push(mail("one"), mail("two")))

    assert (refused.value.code, api.batches) == (code, [2])


def culprit(*subjects):
    def refuse(mails):
        found = {mail["mail"]["subject"] for mail in mails if "mail" in mail}
        return (422, "invalid") if found & set(subjects) else None

    return refuse


def test_a_batch_refused_twice_is_halved_until_the_culprit_stands_alone(answer, api):
    api.refuse = culprit("5")

    reply = answer(push(*(mail(str(n)) for n in range(8))))

    assert statuses(reply) == ["stored"] * 5 + ["quarantined"] + ["stored"] * 2
    assert (api.mails[6]["stage"], "mail" in api.mails[6]) == ("store", False)
    assert api.batches[:2] == [8, 8]


def test_a_refusal_that_passes_costs_nothing(answer, api):
    answers = iter([(400, "odd")])
    api.refuse = lambda mails: next(answers, None)

    assert statuses(answer(push(mail("one"), mail("two")))) == ["stored", "stored"]
    assert api.batches == [2, 2]


def test_what_is_refused_even_in_quarantine_comes_again_much_later(answer, api):
    api.refuse = lambda mails: (422, "invalid")
    gone = wire.Push(**PLACE, items=[wire.Item(key=2, outcome="gone")])

    for asked in (push(mail("one")), envelope(gone)):
        (item,) = answer(asked).items
        assert (item.status, item.after) == ("retry", 600)


def test_text_that_no_message_can_hold_is_set_aside(answer, api):
    raws = [mail("one"), b"Subject: \xff\xfe\n\nx"]

    assert statuses(answer(push(*raws))) == ["stored", "quarantined"]


def test_a_hello_is_answered_with_the_limits_of_this_master(answer, pipeline):
    hello = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")

    reply = answer(envelope(hello))

    assert (reply.epoch, reply.limits) == (1, pipeline.limits)


def test_offers_and_passes_are_the_apis_to_answer(answer, caplog):
    caplog.set_level(logging.INFO)

    assert answer(envelope(wire.Offer(**PLACE))) == wire.OfferReply()
    assert answer(envelope(wire.Pass(**PLACE))) == wire.PassReply()
    answer(envelope(wire.Pass(**PLACE, error="login\nrefused")))

    assert "Master: work/INBOX: no new mail" in caplog.text
    assert "cannot be read: login refused" in caplog.text


def test_each_of_a_few_subjects_is_told_and_many_are_counted(answer, caplog):
    caplog.set_level(logging.INFO)

    answer(push(mail("first\x1b[2J"), mail("x" * 100)))
    answer(push(*(mail(f"n{n}") for n in range(5)), first=10))

    told = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Filed")]
    assert told == [
        "Filed: first [2J (work)",
        f"Filed: {'x' * 79}… (work)",
        "Filed: n0, n1, n2 and 2 more (work)",
    ]


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_directory_sink_writes_one_file_per_mail(make, tmp_path):
    pipeline = make(["api", "directory"])

    for _ in range(2):
        pipeline.answer(push(mail("café"), mail("unparsable")), Order(), lambda: None)

    (file,) = files_in(tmp_path / "data" / "json")
    digest = sha256(mail("café")).hexdigest()
    found = json.loads(file.read_text("utf-8"))
    assert file.name == f"undated-{digest[:16]}.json"
    assert (found["subject"], found["sha256"], found["mailbox"]) == ("café", digest, "work")
    assert found["attachments"][0]["name"] == "../../a.txt"
    assert digest in found["raw"]


def test_a_dated_mail_is_filed_by_its_month_and_odd_text_is_no_obstacle(make, tmp_path):
    pipeline = make(["directory", "api"])
    date = datetime(2026, 2, 3, tzinfo=UTC)
    odd = records.Mail(subject="\udcff", date=date, from_=(records.Address("A", "a@b.c"),))
    object.__setattr__(pipeline, "parse", lambda raw: odd)

    pipeline.answer(push(b"x"), Order(), lambda: None)

    (file,) = files_in(tmp_path / "data" / "json")
    assert (file.parent.name, file.name[:10]) == ("2026-02", "2026-02-03")
    assert json.loads(file.read_text("utf-8"))["from"] == [{"name": "A", "address": "a@b.c"}]


def test_a_directory_that_cannot_be_written_keeps_the_mail_with_the_provider(make, tmp_path, api):
    (tmp_path / "data").write_text("a file")

    with pytest.raises(TemporaryError) as failed:
        make(["directory", "api"]).answer(push(mail("one")), Order(), lambda: None)

    assert not isinstance(failed.value, ApiAwayError)
    assert api.batches == []


def test_a_store_that_cannot_be_written_keeps_the_mail_with_the_provider(pipeline, api):
    class Full:
        id = "full"

        def put_many(self, objects):
            raise OSError(28, "No space left on device")

    object.__setattr__(pipeline, "storage", Full())
    with pytest.raises(TemporaryError, match="No space left") as failed:
        pipeline.answer(push(mail("one")), Order(), lambda: None)

    assert not isinstance(failed.value, ApiAwayError)
    assert api.batches == []


def test_the_api_must_be_among_the_sinks(make):
    with pytest.raises(SettingsError, match="`api` must be among them"):
        make(["directory"])
    with pytest.raises(SettingsError, match="unknown sink 'nowhere'"):
        make(["nowhere", "api"])


def test_every_registered_sink_can_be_opened(make):
    assert len(make(list(SINKS)).sinks) == len(SINKS)
