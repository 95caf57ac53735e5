"""A new parser's records take the place of the old, in rows, attachments and words."""

import hashlib
from typing import Any

import pytest

from api.models import Attachment, Event, Mail, Quarantine
from api.schema.migrations import migrate
from postroom.records import Attachment as Attached
from tests.api.caller import Caller, mail_bytes


def attached(name: str) -> Attached:
    return Attached(
        name=name, type="text/csv", content_id="", inline=False, size=1, sha256="", part="2"
    )


OLD: dict[str, Any] = {
    "subject": "Prix d'\0été 東京都",
    "from": [["Ann\0e", "ann@example.org"]],
    "cc": [["Cé", "c@example.org"]],
    "text": "mots\0 anciens",
    "attachments": [attached("vieux\0.csv")],
    "date": "2026-01-01T00:00:00Z",
}


def stored(api: Caller, uid: int = 1, mail: dict[str, Any] | None = None, parser: int = 1) -> str:
    raw = mail_bytes(uid)
    sha = hashlib.sha256(raw).hexdigest()
    one = api.delivery(uid, raw, mail=mail or OLD, parser=parser)
    assert api.deliver(one, keep={sha: raw}) == ["stored"]
    return sha


def hand_in(api: Caller, *mails: dict[str, Any], version: int = 2) -> list[str]:
    answer = api.post("/v1/mails/reparsed", {"version": version, "mails": list(mails)})
    return [item["status"] for item in answer["items"]]


def unparsed(api: Caller, version: int = 2) -> list[int]:
    return [each["id"] for each in api.get(f"/v1/mails/unparsed?version={version}")["items"]]


def found(api: Caller, word: str) -> int:
    return len(api.get(f"/v1/mails?q={word}")["items"])


def words(api: Caller) -> set[str]:
    """Every word of the index."""
    with api.db.writing():
        api.db.execute_sql("CREATE VIRTUAL TABLE words USING fts5vocab('mail_search', 'row')")
        all_ = {str(word) for (word,) in api.db.execute_sql("SELECT term FROM words").fetchall()}
        api.db.execute_sql("DROP TABLE words")
    return all_


@pytest.mark.sqlite_only
def test_another_record_replaces_rows_attachments_and_words(api: Caller) -> None:
    api.hello()
    sha = stored(api)
    new = {"subject": "Nouveau", "text": "frais", "attachments": [attached("a"), attached("b")]}

    statuses = hand_in(api, {"id": 1, "sha256": sha, "mail": new})

    assert statuses == ["changed"]
    assert words(api) == {"nouveau", "frais", "a", "b"}
    assert [each.name for each in Attachment.select()] == ["a", "b"]
    mail = Mail.get()
    assert (mail.subject, mail.parser, mail.attachment_count) == ("Nouveau", 2, 2)
    assert mail.date == mail.created
    told = Event.select().order_by(Event.id.desc()).get()
    assert (told.kind, told.source) == ("mail.reparsed", "work")
    assert {"subject", "text", "attachments", "record"} <= set(told.about["changed"])
    with api.db.writing():
        api.db.execute_sql("INSERT INTO mail_search(mail_search) VALUES ('integrity-check')")


def test_the_same_record_changes_nothing_but_the_version(api: Caller) -> None:
    api.hello()
    sha = stored(api)
    before = Mail.get().changed

    statuses = hand_in(api, {"id": 1, "sha256": sha, "mail": OLD})

    assert statuses == ["same"]
    assert (Mail.get().parser, Mail.get().changed) == (2, before)
    assert Event.select().where(Event.kind == "mail.reparsed").count() == 0
    assert unparsed(api) == []


def test_those_are_listed_that_another_version_read(api: Caller) -> None:
    api.hello()
    for uid, version in enumerate((1, 2, 3, 0), 1):
        stored(api, uid, parser=version)
    api.post("/api", [{"subject": "given by a program"}])

    assert unparsed(api) == [4, 1, 3]
    shown = api.get("/v1/mails/unparsed?version=2&limit=1")
    assert (len(shown["items"]), shown["left"]) == (1, 3)
    assert api.get("/v1/mails/unparsed?version=x", 400)["code"] == "bad_version"


def test_what_cannot_be_read_keeps_its_record(api: Caller) -> None:
    api.hello()
    sha = stored(api)
    unknown = {"id": 9, "sha256": sha, "mail": OLD}

    failed = hand_in(api, {"id": 1, "sha256": sha, "reason": "ValueError: no"})
    wrong = hand_in(api, {"id": 1, "sha256": "f" * 64, "mail": OLD}, unknown)

    assert (failed, wrong) == (["failed"], ["unknown", "unknown"])
    assert found(api, "anciens") == 1
    assert unparsed(api) == []


def test_one_that_no_table_takes_does_not_stop_the_others(api: Caller) -> None:
    api.hello()
    one, two = stored(api, 1), stored(api, 2)
    huge = [{"name": "x", "type": "", "content_id": "", "inline": False, "size": 2**63,
             "sha256": "", "part": ""}]  # fmt: skip

    statuses = hand_in(
        api,
        {"id": 1, "sha256": one, "mail": {"subject": "bad", "attachments": huge}},
        {"id": 2, "sha256": two, "mail": {"subject": "good"}},
    )

    assert statuses == ["failed", "changed"]
    assert [mail.subject for mail in Mail.select(Mail.subject).order_by(Mail.id)][1] == "good"
    assert (found(api, "good"), found(api, "bad"), found(api, "anciens")) == (1, 0, 1)


def test_what_was_set_aside_is_understood(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    aside = api.delivery(1, raw, outcome="quarantined", stage="parse", mail=None, parser=1)
    api.deliver(aside, keep={aside["sha256"]: raw})
    assert unparsed(api) == [1]

    assert hand_in(api, {"id": 1, "sha256": aside["sha256"], "reason": "still"}) == ["failed"]
    assert (Quarantine.get().attempts, Quarantine.get().reason) == (2, "still")
    mended = {"id": 1, "sha256": aside["sha256"], "mail": {"subject": "mended"}}
    assert hand_in(api, mended, version=3) == ["changed"]

    assert Quarantine.select().count() == 0
    assert (found(api, "mended"), Mail.get().parser) == (1, 3)
    assert Event.select().where(Event.kind == "mail.stored").count() == 1


def test_a_body_that_is_none_is_refused(api: Caller) -> None:
    wrong: list[Any] = [[], {"version": 0, "mails": []}, {"version": 1, "mails": [{"id": 1}]}]
    for value in wrong:
        assert api.send("/v1/mails/reparsed", value).status_code == 400
    plain = {"Content-Type": "text/plain"}
    assert api.send("/v1/mails/reparsed", {}, **plain).status_code == 415


def test_a_database_of_before_is_brought_up_to_date(api: Caller) -> None:
    api.hello()
    stored(api)
    api.post("/api", [{"subject": "given"}])
    with api.db.writing():
        for sql in (
            "DROP INDEX mails_parser",
            "ALTER TABLE mails DROP COLUMN parser",
            "ALTER TABLE tasks DROP COLUMN worker",
            "ALTER TABLE tasks DROP COLUMN attempts",
            "UPDATE facts SET value = '1' WHERE name = 'schema'",
        ):
            api.db.execute_sql(sql)

    migrate(api.db)

    assert [mail.parser for mail in Mail.select().order_by(Mail.id)] == [0, None]
    assert unparsed(api) == [1]
