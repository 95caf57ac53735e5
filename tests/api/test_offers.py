"""What is wanted of what a server lists."""

from pathlib import Path

from api.models import Place
from postroom import wire
from postroom.headers import header_block, header_sha256
from tests.api.caller import Caller, mail_bytes


def digest(uid: int, raw: bytes) -> wire.Digest:
    return wire.Digest(uid, len(raw), header_sha256(header_block(raw)))


def test_everything_listed_is_wanted_newest_first(api: Caller) -> None:
    api.hello()

    reply = api.offer((1, 3), (7, 7))

    assert reply.wanted == [7, 3, 2, 1]


def test_what_is_held_is_not_wanted_again(api: Caller) -> None:
    api.hello()
    api.push(1, 3)

    reply = api.offer((1, 4))

    assert reply.wanted == [4, 2]
    assert reply.last == 3


def test_a_lower_uid_that_comes_late_is_wanted(api: Caller) -> None:
    api.hello()
    api.push(5)

    assert api.offer((2, 2), (5, 5)).wanted == [2]


def test_a_window_with_more_than_one_answer_takes_is_told_in_pieces(api: Caller) -> None:
    api.hello()

    reply = api.offer((1, wire.MAX_WANTED + 10))

    assert len(reply.wanted) == wire.MAX_WANTED
    assert reply.wanted[0] == wire.MAX_WANTED + 10
    assert reply.more


def test_a_refused_mail_is_wanted_again_when_it_is_due(api: Caller) -> None:
    api.hello()
    api.deliver(api.failure(1, "refused"))

    before = api.offer((1, 1))
    with api.db.writing():
        Place.update(next_try="2000-01-01T00:00:00.000Z").execute()
    after = api.offer((1, 1))

    assert before.wanted == []
    assert before.due is not None
    assert after.wanted == [1]


def test_another_account_under_the_same_name_holds_nothing(api: Caller) -> None:
    api.hello()
    api.push(1, 2)

    api.hello("imap:host:bob")

    assert api.epoch == 2
    assert api.offer((1, 2)).wanted == [2, 1]


def test_a_source_that_was_never_introduced_has_to_say_hello(api: Caller) -> None:
    offer = wire.Offer(**api.place(), window=wire.Window(low=1, high=5, ranges=[(1, 5)]))

    problem = api.post("/v1/mailboxes/work/offers", offer, 409)

    assert problem["code"] == "unknown_mailbox"


def test_after_a_new_uidvalidity_equal_headers_and_size_are_enough(api: Caller) -> None:
    api.hello()
    api.push(1, 2, 3)
    api.uidvalidity = 8

    first = api.offer((1, 4))
    digests = [digest(uid + 1, mail_bytes(uid)) for uid in (1, 2, 3)]
    second = api.offer((1, 4), digests=[*digests, digest(1, mail_bytes(99))])

    assert first.rematch
    assert second.wanted == [1]
    assert Place.select().where(~Place.verified).count() == 3


def test_two_mails_with_equal_headers_are_both_downloaded(api: Caller) -> None:
    api.hello()
    one, two = mail_bytes(1, "aaa"), mail_bytes(1, "bbb")
    api.deliver(api.delivery(1, one))
    api.uidvalidity = 8

    reply = api.offer((1, 2), digests=[digest(1, one), digest(2, two)])

    assert reply.wanted == [2, 1]


def test_equal_headers_in_two_batches_of_digests_are_both_downloaded(api: Caller) -> None:
    api.hello()
    one, two = mail_bytes(1, "aaa"), mail_bytes(1, "bbb")
    api.deliver(api.delivery(1, one))
    api.uidvalidity = 8

    api.offer((1, 2), digests=[digest(2, two)])
    reply = api.offer((1, 2), digests=[digest(1, one)])

    assert reply.wanted == [1]
    assert api.offer((1, 2)).wanted == [2, 1]


def test_a_generation_that_is_mistrusted_is_opened_anew_once(api: Caller) -> None:
    api.hello()
    api.push(1)

    first = api.offer((1, 1), renumbered=0)
    second = api.offer((1, 1), renumbered=0)

    assert (first.generation, second.generation) == (1, 1)
    assert first.wanted == [1]
    assert first.rematch


def test_samples_tell_how_held_mails_looked(api: Caller) -> None:
    api.hello()
    api.push(1, 2)

    samples = api.offer((1, 2)).samples

    assert wire.Sample(2, len(mail_bytes(2)), "<2@x>") in samples


def test_nothing_changed_since_a_whole_receipt(api: Caller) -> None:
    api.hello()
    api.push(1, 2)
    status = wire.Status(uidnext=3, exists=2)
    window = wire.PassWindow(
        pass_id="c" * 32,
        index=0,
        last=True,
        window=wire.Window(low=1, high=9, ranges=[(1, 2)]),
        status=status,
    )
    api.post("/v1/mailboxes/work/passes", wire.Pass(**api.place(), window=window))

    same = api.ask_offer(wire.Offer(**api.place(), status=status))
    grown = api.ask_offer(wire.Offer(**api.place(), status=wire.Status(uidnext=4, exists=3)))

    assert same.unchanged
    assert not grown.unchanged


def test_text_keys_are_compared_like_uids(api: Caller, tmp_path: Path) -> None:
    api.hello()
    window = wire.Window(low="a", high="z", keys=["b", "c", "d"])
    api.deliver({**api.delivery(1, mail_bytes(1)), "key": "c"})

    reply = api.ask_offer(wire.Offer(**api.place(), window=window))

    assert reply.wanted == ["d", "b"]


def test_twins_of_two_passes_are_both_downloaded(api: Caller) -> None:
    api.hello()
    old, one, two = (mail_bytes(1, body) for body in ("old", "one", "two"))
    api.deliver(api.delivery(1, old))
    api.uidvalidity = 8
    api.deliver(api.delivery(1, one, generation=0))

    reply = api.offer((1, 2), digests=[digest(2, two)])

    assert reply.wanted == [2]


def test_a_long_message_id_does_not_stop_the_offers(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    api.deliver(api.delivery(1, raw, mail={"subject": "x", "message_id": "x" * 5_000}))

    samples = api.offer((1, 1)).samples

    assert [len(sample.message_id) for sample in samples] == [wire.MAX_TEXT]


def test_the_lowest_known_key_is_told_whatever_became_of_it(api: Caller) -> None:
    api.hello()
    api.push(7)
    api.deliver(api.failure(3, "refused"))

    assert api.offer((1, 9)).lowest == 3
