"""What the API or the disk refuses, and what goes to the API as it stands."""

import logging

import pytest

from master.orders import Order
from master.outage import ApiAwayError
from postroom import wire
from postroom.errors import RefusedError, TemporaryError
from tests.pipeline.orders import PLACE, envelope, mail, push, statuses


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
