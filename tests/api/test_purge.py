"""What the rules let go goes with all that was read of it, and never comes again by itself."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.database import Database
from api.models import Attachment, Event, Mail, Place, Quarantine, Threaded
from api.objects import damage, holding
from api.purging import purge, rules
from api.purging.rules import OfFiles, Rules
from api.schema import moving
from postroom import settings, wire
from postroom.errors import SettingsError
from postroom.headers import header_block, header_sha256
from tests.api.caller import Caller, mail_bytes, pushing
from tests.api.purging import MONTH, age, age_object, events, hash_of, run
from tests.waiting import wait_until


def test_an_old_mail_goes_with_all_that_was_read_of_it(api: Caller) -> None:
    api.hello()
    api.push(1)
    attached = {"name": "plan.pdf", "type": "application/pdf", "content_id": "", "inline": False,
                "size": 1, "sha256": "", "part": "2"}  # fmt: skip
    mail = {"subject": "mail 3", "message_id": "<3@x>", "references": ["<1@x>"],
            "text": "rare", "attachments": [attached]}  # fmt: skip
    raw = mail_bytes(3)
    assert api.deliver(api.delivery(3, raw, mail=mail), keep={hash_of(3): raw}) == ["stored"]
    api.push(2)
    age(api, 40, 1, 3)

    assert run(api) == [("mails", "work", 2)]

    assert [each["subject"] for each in api.get("/v1/mails")["items"]] == ["mail 2"]
    assert api.get("/v1/mails?q=rare")["items"] == []
    assert "its time was over" in api.get("/v1/mails/1", 404)["detail"]
    assert api.storage.exists([hash_of(uid) for uid in (1, 2, 3)]) == {hash_of(2)}
    assert (Attachment.select().count(), Threaded.select().count()) == (0, 1)
    left = Mail.get_by_id(2)
    assert (left.subject, left.text, left.record, left.headers) == ("", "", {}, [])
    told = [{"source": "work", "mail": n, "sha256": hash_of(m)} for n, m in ((1, 1), (2, 3))]
    assert events("mail.purged") == told


def test_what_went_is_not_wanted_again_and_the_receipt_adds_up(api: Caller) -> None:
    api.hello()
    api.push(1, 2, 3)
    age(api, 40, 1, 2)
    run(api)

    reply = api.offer((1, 4))
    receipt = api.finish((1, 4))

    assert reply.wanted == [4]
    counts = {name: receipt[name] for name in ("listed", "stored", "missing")}
    assert counts == {"listed": 4, "stored": 1, "missing": 1}
    assert receipt["purged"] == 2
    assert {each.key for each in reply.samples} <= {1, 2, 3}
    assert api.get("/v1/mailboxes/work/receipts")["items"][0]["purged"] == 2


def test_under_a_new_numbering_it_is_known_without_its_bytes(api: Caller) -> None:
    api.hello()
    api.push(1, 2)
    age(api, 40, 1)
    run(api)
    api.uidvalidity = 8
    digests = [
        wire.Digest(uid + 10, len(raw), header_sha256(header_block(raw)))
        for uid, raw in ((1, mail_bytes(1)), (2, mail_bytes(2)))
    ]

    reply = api.offer((11, 12), digests=digests)

    assert reply.wanted == []
    states = [place.state for place in Place.select().order_by(Place.id)]
    assert states == ["purged", "stored", "purged", "stored"]
    assert api.finish((11, 12))["purged"] == 1


def test_what_came_anew_into_its_folder_is_no_younger(api: Caller) -> None:
    api.hello()
    api.push(1)
    age(api, 40, 1)
    api.deliver({**api.delivery(9, mail_bytes(1)), "folder": "Archive"})

    assert run(api) == [("mails", "work", 1)]
    assert api.offer((1, 9)).wanted == [9, 8, 7, 6, 5, 4, 3, 2]


def test_moved_to_another_folder_it_stays_gone(api: Caller) -> None:
    api.hello()
    api.push(1)
    age(api, 40, 1)
    run(api)
    raw = mail_bytes(1)

    moved = {**api.delivery(9, raw), "folder": "Archive"}
    statuses = api.deliver(moved, keep={hash_of(1): raw})

    assert statuses == ["duplicate"]
    assert api.get("/v1/mails")["items"] == []
    assert [place.state for place in Place.select()] == ["purged", "purged"]
    assert Event.select().where(Event.kind == "mail.stored").count() == 1
    assert damage.collect(api.db, api.storage, 2**40) == 1
    failed = api.delivery(10, raw, outcome="quarantined", stage="parse", mail=None)
    api.deliver(failed, keep={hash_of(1): raw})
    assert Quarantine.select().count() == 0
    assert damage.compare(api.db, api.storage) == 0


def test_another_mailbox_has_its_own_mail(api: Caller) -> None:
    api.hello()
    api.push(1)
    age(api, 40, 1)
    run(api)
    api.mailbox = "home"
    api.hello()

    assert api.push(1) == ["stored"]

    assert [each["subject"] for each in api.get("/v1/mails")["items"]] == ["mail 1"]
    assert api.client.get("/v1/mails/1/raw").data == mail_bytes(1)
    assert api.get("/v1/mails?q=hello")["items"]
    # "home" keeps all; where it was purged it is not.
    assert run(api) == []
    assert run(api, Rules(mails=30)) == []
    assert api.get("/v1/mails?mailbox=work")["items"] == []
    assert len(api.get("/v1/mails?mailbox=home")["items"]) == 1


def test_a_mail_stays_as_long_as_one_of_its_mailboxes_keeps_it(api: Caller) -> None:
    api.hello()
    api.push(1)
    api.mailbox = "home"
    api.hello()
    api.push(1)
    age(api, 40, 1)

    assert run(api) == []
    assert run(api, Rules(mails=60, mailboxes={"work": 30})) == []
    assert run(api, Rules(mails=20, mailboxes={"work": 30})) == [("mails", "home", 1)]


def test_what_stands_in_quarantine_goes_too(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    failed = api.delivery(1, raw, outcome="quarantined", stage="parse", mail=None)
    api.deliver(failed, keep={hash_of(1): raw})
    age(api, 40, 1)

    assert run(api) == [("mails", "work", 1)]

    assert Quarantine.select().count() == 0
    assert api.offer((1, 1)).wanted == []


def test_an_answer_finds_its_thread_though_the_first_mail_is_gone(api: Caller) -> None:
    api.hello()
    for uid in (1, 2, 3):
        mail = {"subject": f"mail {uid}", "message_id": f"<{uid}@x>", "references": ["<1@x>"]}
        if uid == 3:
            age(api, 40, 1)
            run(api)
        api.deliver(api.delivery(uid, mail_bytes(uid), mail=mail))

    (thread,) = api.get("/v1/threads")["items"]
    assert (thread["id"], thread["mails"]) == (2, 2)


def digests(db: Database) -> dict[str, tuple[int, str]]:
    return {table.name: moving.digest_of(db, table) for table in moving.tables()}


def test_a_dry_run_tells_what_would_go_and_changes_nothing(api: Caller) -> None:
    api.hello()
    api.push(1, 2)
    age(api, 40, 1)
    before = digests(api.db)

    lines = purge.plan(MONTH, datetime.now(UTC))

    assert [(line.kind, line.source, line.count, line.bytes) for line in lines] == [
        ("mails", "work", 1, len(mail_bytes(1)))
    ]
    assert purge.shown(lines[0]) == "mails of work, older than 30 days: 1, 0.0 MB"
    assert digests(api.db) == before
    assert run(api) == [("mails", "work", 1)]


@pytest.mark.sqlite_only
def test_the_index_of_words_is_whole_after_many_went(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "CHUNK", 7)
    api.hello()
    api.push(*range(1, 31))
    api.push(*range(31, 41))
    age(api, 40, *range(1, 31))

    assert run(api) == [("mails", "work", 30)]

    with api.db.writing():
        api.db.execute_sql("INSERT INTO mail_search(mail_search) VALUES ('integrity-check')")
    assert len(api.get("/v1/mails?q=hello")["items"]) == 10


def test_mail_comes_in_while_others_go(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "CHUNK", 10)
    api.hello()
    api.push(*range(1, 101))
    age(api, 40, *range(1, 101))

    with pushing(api, 101) as pushed:
        wait_until(lambda: bool(pushed), 60, "mail to come")
        assert run(api) == [("mails", "work", 100)]

    assert api.offer((1, pushed[-1])).wanted == []
    assert len(list(api.storage.list())) == len(pushed)
    assert damage.compare(api.db, api.storage) == 0


def test_objects_stay_while_a_backup_copies_them(api: Caller) -> None:
    api.hello()
    api.push(1)
    age(api, 40, 1)
    holding.hold(api.db)

    run(api)
    assert damage.collect(api.db, api.storage, 2**40) == 0
    holding.let_go(api.db)

    assert damage.collect(api.db, api.storage, 2**40) == 1


def test_collection_while_mail_comes_in_loses_nothing(api: Caller) -> None:
    api.hello()
    orphans = range(1, 61)
    api.storage.put_many([(hash_of(uid), mail_bytes(uid)) for uid in range(1, 200)])
    for uid in range(1, 200):
        age_object(api, hash_of(uid), 8)
    stop, collected = threading.Event(), list[int]()

    def collect() -> None:
        week_ago = datetime.now(UTC).timestamp() - 7 * 86_400
        while not stop.is_set():
            collected.append(damage.collect(api.db, api.storage, week_ago))

    busy = threading.Thread(target=collect)
    busy.start()
    try:
        for uid in orphans:
            api.push(uid)
        wait_until(lambda: len(collected) > 1, 60, "a collection after the last push")
    finally:
        stop.set()
        busy.join()

    assert sum(collected) >= 199 - len(orphans)
    assert damage.compare(api.db, api.storage) == 0
    assert api.offer((1, 60)).wanted == []
    assert {entry.key for entry in api.storage.list()} == {hash_of(uid) for uid in orphans}


def test_collection_lets_others_write_and_finds_what_came_too_late(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.hello()
    api.storage.put_many([(hash_of(uid), mail_bytes(uid)) for uid in (1, 2)])
    delete = api.storage.delete

    def late(keys: set[str], **_: Any) -> int:
        # As on S3, where a put may come between its last look and its deletion.
        api.push(1)
        return delete(keys)

    monkeypatch.setattr(api.storage, "delete", late)

    assert damage.collect(api.db, api.storage, 2**40) == 2

    assert api.offer((1, 1)).wanted == [1]


@pytest.mark.sqlite_only
def test_by_itself_it_goes_once_a_day(api: Caller) -> None:
    api.hello()
    api.push(1, 2)
    age(api, 40, 1)
    stores: purge.Stores = {"mails": api.storage, "files": api.files}

    for _ in range(2):
        purge.daily(api.db, stores, MONTH, threading.Event())
        age(api, 40, 2)

    assert [event["sha256"] for event in events("mail.purged")] == [hash_of(1)]


def test_rules_are_read_from_each_section(tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text(
        "[retention]\nmail_days = 365\nfile_versions = 5\n"
        "[mailbox work]\nsource = imap\nkeep_days = 30\n[mailbox home]\nkeep_days = 0\n"
        "[mailbox other]\n[page prices]\nurl = https://example.org/\nkeep_days = 7.5\n"
    )

    said = rules.read(settings.load(file))

    assert [said.of_mailbox(name) for name in ("work", "home", "other", "")] == [30, 0, 365, 365]
    assert (said.of_page("prices"), said.of_page("x")) == (OfFiles(7.5, 5), OfFiles(0, 5))
    file.write_text("[mailbox work]\nkeep_days = soon\n")
    with pytest.raises(SettingsError, match=r"\[mailbox work\] keep_days: found 'soon', expected"):
        rules.read(settings.load(file))
