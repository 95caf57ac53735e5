"""HELLO is told how many bytes the account brought on that day."""

import pytest

from api.sources import days
from tests.api.caller import Caller, mail_bytes


def size(*numbers: int) -> int:
    return sum(len(mail_bytes(number)) for number in numbers)


def told(api: Caller, fingerprint: str = "imap:host:ann") -> int:
    count: int = api.hello(fingerprint).get("today_bytes", 0)
    return count


def test_what_came_today_is_told_new_or_not(api: Caller):
    assert told(api) == 0
    api.push(1, 2)
    api.push(2, 3)
    api.deliver(api.failure(4, "refused"))

    assert told(api) == size(1, 2, 2, 3)


def test_yesterday_does_not_count(api: Caller, monkeypatch: pytest.MonkeyPatch):
    api.hello()
    monkeypatch.setattr(days, "today", lambda: "2026-01-30")
    api.push(1)
    assert told(api) == size(1)

    monkeypatch.setattr(days, "today", lambda: "2026-01-31")
    assert told(api) == 0
    api.push(2)
    assert told(api) == size(2)


def test_mailboxes_of_one_account_are_counted_together(api: Caller):
    api.hello("imap:host:ann")
    api.push(1)
    api.mailbox = "folder"
    api.hello("imap:host:ann")
    api.push(2)
    api.mailbox = "other"
    assert told(api, "imap:host:bob") == 0

    api.mailbox = "folder"
    assert told(api) == size(1, 2)


def test_another_account_under_the_name_has_a_day_of_its_own(api: Caller):
    api.hello()
    api.push(1)

    assert told(api, "imap:host:bob") == 0


def test_a_mail_that_no_table_takes_was_downloaded_all_the_same(
    api: Caller, monkeypatch: pytest.MonkeyPatch
):
    api.hello()
    failed: list[int] = []

    def fail_once(*_: object) -> None:
        if not failed:
            failed.append(1)
            raise ValueError("no")

    monkeypatch.setattr("api.mails.ingest.places.settle", fail_once)
    api.push(1)

    assert told(api) == size(1)
