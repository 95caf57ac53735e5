"""A database of any earlier version has all its mails findable and in threads after the start."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api import upgrade
from api.app import create_app
from api.database import Database, open_database
from api.migrations import STEPS, schema_version
from api.models import Mail, Store
from postroom.storage import open_storage
from tests.api.caller import Caller
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher

TIME = "2026-01-01T00:00:00.000Z"
#: The steps as they were: what made version 2 and 3 of the first one.
OLD_STEPS = {
    2: """
ALTER TABLE mails ADD COLUMN parser INTEGER DEFAULT 0;
CREATE INDEX mails_parser ON mails (parser);
ALTER TABLE tasks ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
""",
    3: """
DROP INDEX attachments_mail_id;
DROP INDEX folders_mailbox_id;
DROP INDEX places_folder_id;
DROP INDEX receipts_folder_id;
""",
}
ANN, BOB = ["Ann", "ann@example.org"], ["Émile", "emile@example.com"]
MAILS: list[dict[str, Any]] = [
    {
        "subject": "Prix",
        "from": [ANN],
        "to": [BOB],
        "text": "combien? 会議の",
        "message_id": "<1@x>",
    },
    {"subject": "Re: Prix", "from": [BOB], "to": [ANN], "text": "cinq", "references": ["1@x"]},
    {"subject": "Lunch", "from": [ANN], "to": [BOB], "text": "price at one?"},
    {"subject": "AW: Lunch", "from": [BOB], "to": [ANN], "text": "yes", "files": ["menu.pdf"]},
    {"subject": "", "state": "quarantined"},
]


def insert(old: sqlite3.Connection, table: str, **values: Any) -> None:
    """A row as it was; what is not told is "" or 0."""
    row: dict[str, Any] = {}
    for _, name, kind, *_ in old.execute(f"PRAGMA table_info({table})"):
        if name != "id" or "id" in values:
            row[name] = values.get(name, "" if kind == "TEXT" else 0)
    marks = ", ".join("?" * len(row))
    old.execute(f"INSERT INTO {table}({', '.join(row)}) VALUES ({marks})", [*row.values()])  # noqa: S608


def make_old(path: Path, version: int, mails: list[dict[str, Any]]) -> None:
    """The database of a version, with mails as it kept them."""
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript((Path(__file__).parent / "schema_1.sql").read_text())
        insert(old, "facts", name="feed_epoch", value="0123456789abcdef")
        insert(old, "facts", name="schema", value=str(version))
        for number, mail in enumerate(mails, 1):
            insert_mail(old, number, mail)
        for each in range(2, version + 1):
            old.executescript(OLD_STEPS[each])


def make_seventh(path: Path) -> None:
    """A database of the version before pages were watched: a mailbox, a task, a store."""
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript((Path(__file__).parent / "schema_7.sql").read_text())
        insert(old, "facts", name="feed_epoch", value="0123456789abcdef")
        insert(old, "facts", name="schema", value="7")
        insert(old, "mailboxes", name="prices", kind="imap", created=TIME, changed=TIME, seen=TIME,
               epoch=1, interval=10, state="ok")  # fmt: skip
        insert(old, "tasks", kind="sync", source="prices", target="{}", state="due", created=TIME,
               changed=TIME)  # fmt: skip
        insert(old, "stores", store="a" * 32, batch=3, created=TIME, changed=TIME)


def make_eighth(path: Path) -> None:
    """A database of the version before there were scripts: a mailbox, a task."""
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript((Path(__file__).parent / "schema_8.sql").read_text())
        insert(old, "facts", name="feed_epoch", value="0123456789abcdef")
        insert(old, "facts", name="schema", value="8")
        insert(old, "events", kind="mail.stored", source="work", about='{"mail": 1}',
               created=TIME, changed=TIME)  # fmt: skip


def insert_mail(old: sqlite3.Connection, number: int, mail: dict[str, Any]) -> None:
    people = {name: mail.get(name, []) for name in ("from", "to", "references", "in_reply_to")}
    told = {name: mail.get(name, "") for name in ("subject", "text", "message_id")}
    files = mail.get("files", [])
    insert(old, "mails", id=number, created=TIME, changed=TIME, sha256=f"{number:064}",
           state=mail.get("state", "parsed"), date=f"2026-01-01T00:{number:02}:00.000Z",
           attachment_count=len(files), defects="[]", headers="[]", record=json.dumps(people),
           **told)  # fmt: skip
    for at, name in enumerate(files, 1):
        insert(old, "attachments", mail_id=number, number=at, name=name, created=TIME, changed=TIME)
    addresses = " ".join(" ".join(each) for each in people["from"] + people["to"]).lower()
    old.execute(
        "INSERT INTO mail_search(rowid, subject, addresses, body, files) VALUES (?, ?, ?, ?, ?)",
        (number, told["subject"].lower(), addresses, told["text"].lower(), " ".join(files)),
    )


@pytest.fixture(params=[1, 2, 3])
def brought(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Caller]:
    """The API of today on a database of before."""
    make_old(tmp_path / "postroom.sqlite", request.param, MAILS)
    db = open_database(tmp_path / "postroom.sqlite")
    storage = open_storage("sqlite", tmp_path / "mails.sqlite")
    yield Caller(create_app(db, storage), db, storage)
    db.close()
    storage.close()


def test_all_mails_are_found_in_threads_and_taken_on(brought: Caller) -> None:
    def found(query: str) -> list[int]:
        return [item["id"] for item in brought.get(f"/v1/mails?q={query}")["items"]]

    assert schema_version() == len(STEPS)
    assert found("from:emile") == [4, 2]
    assert found("to:emile") == [3, 1]
    assert found("prix+OR+price") == [3, 2, 1]
    assert found("議") == [1]
    assert found("filename:menu") == [4]
    assert [each["id"] for each in brought.get("/v1/threads/2?fields=id")["items"]] == [1, 2]
    assert [each["id"] for each in brought.get("/v1/threads/4?fields=id")["items"]] == [3, 4]
    assert brought.get("/v1/mails/5")["thread_id"] is None
    brought.post("/api", [{"subject": "new", "references": ["1@x"]}])
    assert len(brought.get("/v1/threads/1")["items"]) == 3


def test_the_database_of_before_is_kept_beside_it(brought: Caller, tmp_path: Path) -> None:
    (kept,) = tmp_path.glob("postroom.sqlite.schema-*")

    with closing(sqlite3.connect(kept)) as before:
        (version,) = before.execute("SELECT value FROM facts WHERE name = 'schema'").fetchone()
        subjects = before.execute("SELECT subject FROM mails ORDER BY id").fetchall()

    assert kept.name.endswith(f"schema-{version}")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert subjects == [(mail["subject"],) for mail in MAILS]


def test_a_mail_of_before_is_read_anew_and_found_by_its_new_words_alone(brought: Caller) -> None:
    new = {"id": 3, "sha256": f"{3:064}", "mail": {"subject": "Dinner"}}

    brought.post("/v1/mails/reparsed", {"version": 9, "mails": [new]})

    assert [len(brought.get(f"/v1/mails?q={word}")["items"]) for word in ("dinner", "lunch")] == [
        1,
        1,
    ]
    assert len(brought.get("/v1/threads/4")["items"]) == 1
    with brought.db.writing():
        brought.db.execute_sql("INSERT INTO mail_search(mail_search) VALUES ('integrity-check')")


def test_many_mails_are_brought_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "_BATCH", 3)
    chain = [{"subject": f"word{n}", "message_id": f"<{n}@x>", "references": [f"{n - 1}@x"]}
             for n in range(10)]  # fmt: skip
    make_old(tmp_path / "postroom.sqlite", 3, chain)
    db = open_database(tmp_path / "postroom.sqlite")
    storage = open_storage("sqlite", tmp_path / "mails.sqlite")

    api = Caller(create_app(db, storage), db, storage)

    assert len(api.get("/v1/threads/10")["items"]) == Mail.select().count() == 10
    assert len(api.get("/v1/mails?q=word*")["items"]) == 10
    db.close()
    storage.close()


def test_a_database_of_before_pages_takes_them(tmp_path: Path) -> None:
    make_seventh(tmp_path / "postroom.sqlite")
    db = open_database(tmp_path / "postroom.sqlite")
    files = open_storage("directory", tmp_path / "files")
    api = Caller(create_app(db, files), db, files)
    watcher = Watcher(api)

    assert watcher.links("a.pdf") == {"a.pdf": "new"}
    assert watcher.tell(watcher.stored("a.pdf")) == ["stored"]
    watcher.looked(digest=True)

    assert [task.kind for task in watcher.pulse()] == ["digest"]
    told = {"epoch": 1, "folder": "", "uidvalidity": 0}
    assert [each["kind"] for each in api.post("/v1/mailboxes/prices/passes", told)["tasks"]] == [
        "sync"
    ]
    assert {(row.store, row.holds, row.batch) for row in Store.select()} == {
        ("a" * 32, "mails", 3),
        (files.id, "files", files.batch()),
    }
    db.close()
    files.close()


def test_a_database_of_before_scripts_takes_them(tmp_path: Path) -> None:
    make_eighth(tmp_path / "postroom.sqlite")
    db = open_database(tmp_path / "postroom.sqlite")
    files = open_storage("directory", tmp_path / "files")
    scripter = Scripter(Caller(create_app(db, files), db, files))
    scripter.script(on_mail="*")

    assert scripter.tell("/v1/scripts/advance", {})["runs"] == 0
    scripter.done(output="hello")

    assert [run["status"] for run in scripter.get("/v1/runs")["items"]] == ["completed"]
    assert (tmp_path / "postroom.sqlite.schema-8").exists()
    db.close()
    files.close()


@pytest.mark.parametrize("make", [make_seventh, make_eighth])
def test_a_new_database_has_the_tables_and_indexes_of_one_that_was_brought(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "old.sqlite")
    schemas = []
    for name in ("old", "new"):
        db = open_database(tmp_path / f"{name}.sqlite")
        storage = open_storage("directory", tmp_path / "files")
        create_app(db, storage)
        schemas.append({
            (table, index, tuple(sorted(columns(db, table))))
            for table, index in db.execute_sql("SELECT tbl_name, name FROM sqlite_master")
        })  # fmt: skip
        db.close()

    assert schemas[0] == schemas[1]


def columns(db: Database, table: str) -> list[str]:
    return [row[1] for row in db.execute_sql(f"PRAGMA table_info({table})")]
