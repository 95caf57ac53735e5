"""A push through a worker: kept, parsed, delivered, each mail with a fate of its own."""

import dataclasses
from hashlib import sha256

import pytest

from master.orders import Order
from master.pipeline import TWICE
from master.sinks import SINKS
from postroom import wire
from postroom.errors import SettingsError, TemporaryError
from tests.pipeline.orders import PLACE, envelope, mail, parse, push, statuses


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


def test_the_worker_tells_when_parsing_is_over(pipeline, api):
    said = []

    pipeline.answer(push(mail("one")), Order(), lambda: said.append(list(api.mails)))

    assert said == [[]]


def test_the_api_must_be_among_the_sinks(make):
    with pytest.raises(SettingsError, match="`api` must be among them"):
        make(["directory"])
    with pytest.raises(SettingsError, match="unknown sink 'nowhere'"):
        make(["nowhere", "api"])


def test_every_registered_sink_can_be_opened(make):
    assert len(make(list(SINKS)).sinks) == len(SINKS)
