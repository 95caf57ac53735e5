"""A database of any earlier version has all its mails findable and in threads after the start."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.database import Database, open_database
from api.models import Fact, Mail, Run, Store, database
from api.schema import upgrade
from api.schema.migrations import STEPS, migrate, schema_version
from postroom.errors import SettingsError
from postroom.storage import open_storage
from tests.api.caller import Caller
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher

TIME = "2026-01-01T00:00:00.000Z"
FOLDER = Path(__file__).parent
#: The steps as they were: what made a version of the one before, unless schema_N.sql has all of it.
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
    5: "".join(
        f"ALTER TABLE mailboxes ADD COLUMN {name} TEXT NOT NULL DEFAULT '';"
        for name in ("state", "failed", "last_error", "last_error_at", "next_try")
    ),
    6: """
CREATE TABLE deletions (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL,
    changed TEXT NOT NULL, place_id INTEGER NOT NULL, mail_id INTEGER NOT NULL, state TEXT NOT NULL,
    proof TEXT NOT NULL, reason TEXT NOT NULL, FOREIGN KEY (place_id) REFERENCES places (id),
    FOREIGN KEY (mail_id) REFERENCES mails (id));
CREATE UNIQUE INDEX deletions_place_id ON deletions (place_id);
""",
    **{version: (FOLDER / f"step_{version}.sql").read_text() for version in (9, 10, 11)},
    12: """
CREATE INDEX runs_file ON runs (file_id, id) WHERE file_id IS NOT NULL;
CREATE INDEX runs_mail ON runs (mail_id, id) WHERE mail_id IS NOT NULL;
""",
    13: """
ALTER TABLE runs ADD COLUMN dead_letters INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_dead_letters ON runs (id) WHERE dead_letters > 0;
""",
    14: """
DROP INDEX runs_pending;
CREATE INDEX runs_waiting ON runs (script_id, claim, id) WHERE status = 'pending';
CREATE INDEX runs_script_id_id ON runs (script_id, id);
CREATE INDEX runs_claim ON runs (claim) WHERE claim > '';
""",
    15: """
ALTER TABLE replays ADD COLUMN chosen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
""",
    16: """
ALTER TABLE runs ADD COLUMN objects TEXT NOT NULL DEFAULT '';
DROP INDEX runs_output;
CREATE INDEX runs_objects ON runs (objects) WHERE objects <> '';
""",
}
#: All versions whose whole schema is kept here, as that program made it.
WHOLE = (1, 4, 7, 8)
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


def make_old(path: Path, version: int) -> None:
    """The empty database of a version."""
    first = max(each for each in WHOLE if each <= version)
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript((FOLDER / f"schema_{first}.sql").read_text())
        for each in range(first + 1, version + 1):
            old.executescript(OLD_STEPS[each])
        insert(old, "facts", name="feed_epoch", value="0123456789abcdef")
        insert(old, "facts", name="schema", value=str(version))


def make_first(path: Path, version: int, mails: list[dict[str, Any]]) -> None:
    """A database of the first versions, with mails as they kept them."""
    make_old(path, version)
    with closing(sqlite3.connect(path)) as old, old:
        for number, mail in enumerate(mails, 1):
            insert_mail(old, number, mail)


def make_seventh(path: Path) -> None:
    """A database of the version before pages were watched: a mailbox, a task, a store."""
    make_old(path, 7)
    with closing(sqlite3.connect(path)) as old, old:
        insert(old, "mailboxes", name="prices", kind="imap", created=TIME, changed=TIME, seen=TIME,
               epoch=1, interval=10, state="ok")  # fmt: skip
        insert(old, "tasks", kind="sync", source="prices", target="{}", state="due", created=TIME,
               changed=TIME)  # fmt: skip
        insert(old, "stores", store="a" * 32, batch=3, created=TIME, changed=TIME)


def make_eighth(path: Path) -> None:
    """A database of the version before there were scripts: an event."""
    make_old(path, 8)
    with closing(sqlite3.connect(path)) as old, old:
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
    make_first(tmp_path / "postroom.sqlite", request.param, MAILS)
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
    make_first(tmp_path / "postroom.sqlite", 3, chain)
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


def test_runs_of_before_name_the_objects_that_they_keep(tmp_path: Path) -> None:
    make_old(tmp_path / "postroom.sqlite", 11)
    kept = [("runs/1/3/output.txt", []), ("", [{"key": "runs/2/1/a.csv"}]), ("", [{"key": ""}])]
    with closing(sqlite3.connect(tmp_path / "postroom.sqlite")) as old, old:
        insert(old, "scripts", name="hello", created=TIME, changed=TIME)
        for number, (output, artefacts) in enumerate(kept, 1):
            insert(old, "runs", id=number, script_id=1, status="completed", created=TIME,
                   changed=TIME, arguments="{}", trigger="{}", output_key=output, task_id=None,
                   artefacts=json.dumps(artefacts), event=number, key=str(number))  # fmt: skip

    with closing(open_database(tmp_path / "postroom.sqlite")) as db:
        database.initialize(db)
        migrate(db)
        found = [run.objects for run in Run.select(Run.objects).order_by(Run.id)]

    assert found == ["runs/1/3/", "runs/2/1/", ""]


@pytest.mark.parametrize("version", range(1, len(STEPS)))
def test_an_earlier_database_gets_the_tables_and_indexes_of_a_new_one(
    tmp_path: Path, version: int
) -> None:
    make_old(tmp_path / "old.sqlite", version)
    schemas = []
    for name in ("old", "new"):
        with closing(open_database(tmp_path / f"{name}.sqlite")) as db:
            database.initialize(db)
            migrate(db)
            schemas.append({
                (table, index, tuple(sorted(columns(db, table))))
                for table, index in db.execute_sql("SELECT tbl_name, name FROM sqlite_master")
            })  # fmt: skip

    assert schemas[0] == schemas[1]


def columns(db: Database, table: str) -> list[str]:
    return [row[1] for row in db.execute_sql(f"PRAGMA table_info({table})")]


def test_a_newer_database_is_refused_with_a_sentence_and_left_alone(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "postroom.sqlite")) as db:
        database.initialize(db)
        migrate(db)
        with db.writing():
            Fact.update(value="999").where(Fact.name == "schema").execute()
        with pytest.raises(SettingsError, match=r"has schema 999, .* start the newer program"):
            migrate(db)
        assert schema_version() == 999
