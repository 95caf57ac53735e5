"""Mails that are too large for one message, from the spool to the store."""

import dataclasses
from contextlib import contextmanager
from hashlib import sha256

import pytest

from master.orders import Order
from master.spool import Spool
from postroom import wire
from postroom.errors import TemporaryError
from tests.pipeline.orders import MAIL_BYTES, PLACE, UPLOAD, envelope, mail, push, statuses


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
