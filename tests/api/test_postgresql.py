"""What only PostgreSQL can do: words in all their forms, numbers and text as SQLite has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from api.database import Database, open_database
from api.models import Fact, database
from api.schema import upgrade
from api.schema.migrations import STEPS, migrate, schema_version
from api.search import stems, tsearch
from api.search.querylang import parse
from postroom.errors import SettingsError
from postroom.storage import open_storage
from tests.api.caller import Caller
from tests.databases import open_new
from tests.servers.postgres import Postgres


@pytest.fixture
def pg(postgres: Postgres, tmp_path: Path) -> Iterator[Database]:
    with open_new(postgres, tmp_path) as db:
        database.initialize(db)
        yield db
    stems.use(stems.SIMPLE)


@pytest.fixture
def on_pg(pg: Database, tmp_path: Path) -> Iterator[Caller]:
    storage = open_storage("sqlite", tmp_path / "mails.sqlite")
    yield Caller(create_app(pg, storage), pg, storage)
    storage.close()


def found(api: Caller, query: str) -> list[int]:
    return [each["id"] for each in api.get(f"/v1/mails?q={query}")["items"]]


def test_a_fresh_database_stands_at_the_newest_schema(pg: Database) -> None:
    migrate(pg)

    assert schema_version() == len(STEPS)


def test_a_newer_database_is_refused_with_the_same_sentence(pg: Database) -> None:
    with pg.writing():
        Fact.update(value="999").where(Fact.name == "schema").execute()

    with pytest.raises(SettingsError, match="has schema 999, this program knows up to"):
        migrate(pg)


#: What makes of a version the one before it, from the first that PostgreSQL had.
UNDO = {
    10: ["DROP TABLE webhook_deliveries, webhooks, alarm_mails, alarms"],
    11: ["DROP TABLE sessions, users"],
    12: ["DROP INDEX runs_file, runs_mail"],
    13: ["ALTER TABLE runs DROP COLUMN dead_letters"],
    14: [
        "DROP INDEX runs_waiting, runs_script_id_id, runs_claim",
        "CREATE INDEX runs_pending ON runs (script_id, claim) WHERE status = 'pending'",
    ],
    15: ["ALTER TABLE replays DROP COLUMN chosen, DROP COLUMN last"],
    16: [
        "ALTER TABLE runs DROP COLUMN objects",
        "CREATE INDEX runs_output ON runs (output_key) WHERE output_key <> ''",
    ],
    17: ["ALTER TABLE receipts DROP COLUMN purged"],
}


@pytest.mark.parametrize("version", range(9, len(STEPS)))
def test_a_database_of_before_gets_what_a_new_one_has(pg: Database, version: int) -> None:
    new = columns_and_indexes(pg)
    with pg.writing():
        for undone in range(len(STEPS), version, -1):
            for statement in UNDO[undone]:
                pg.execute_sql(statement)
        Fact.update(value=str(version)).where(Fact.name == "schema").execute()
    assert columns_and_indexes(pg) != new

    migrate(pg)

    assert schema_version() == len(STEPS)
    assert columns_and_indexes(pg) == new


def columns_and_indexes(db: Database) -> set[tuple[str, ...]]:
    """All of them, with their types and definitions; a column that was added may hold more."""
    return {
        *db.execute_sql(
            "SELECT table_name, column_name, replace(data_type, 'bigint', 'integer'), is_nullable "
            "FROM information_schema.columns WHERE table_schema = 'public'"
        ),
        *db.execute_sql("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"),
    }


def test_what_is_not_said_to_write_cannot(pg: Database) -> None:
    with pytest.raises(Exception, match="in a read-only transaction"):
        pg.execute_sql("DELETE FROM facts")


def test_text_sorts_by_its_bytes(pg: Database) -> None:
    with pg.writing():
        for name in ("b", "=a", "A", "a", "é"):
            Fact.create(name=name, value="")
    names = Fact.select(Fact.name).where(Fact.value == "").order_by(Fact.name).tuples()

    assert [name for (name,) in names] == ["=a", "A", "a", "b", "é"]


def test_a_password_is_never_shown() -> None:
    db = open_database("postgresql://ann:secret@127.0.0.1:1/mail")

    assert db.shown == "postgresql://ann@127.0.0.1:1/mail"


def test_a_wrong_url_does_not_show_the_password() -> None:
    with pytest.raises(SettingsError) as e:
        open_database("postgresql://ann:secret@[/mail")

    assert "secret" not in str(e.value)


def test_a_language_finds_words_in_all_their_forms(on_pg: Caller) -> None:
    on_pg.post("/api", [{"subject": "Two invoices", "text": "they were running to be paid"}])
    assert found(on_pg, "invoice") == []

    upgrade.use_language(on_pg.db, "english")

    for query in ("invoice", "invoices", "invoic*", "run", '"two invoice"', "subject:invoicing",
                  '"to be paid"'):  # fmt: skip
        assert found(on_pg, query) == [1], query
    assert found(on_pg, "from:invoice") == []


def test_an_unknown_language_is_a_wrong_setting(pg: Database) -> None:
    with pytest.raises(SettingsError, match="simple, or one of arabic"):
        upgrade.use_language(pg, "klingon")


def test_a_huge_text_is_indexed_as_far_as_there_is_room(on_pg: Caller) -> None:
    text = " ".join(f"w{n}" for n in range(300_000))

    on_pg.post("/api", [{"subject": "huge", "text": f"first {text}"}])

    assert found(on_pg, "first") == found(on_pg, "huge") == found(on_pg, "w1000") == [1]


def test_a_query_cannot_leave_its_quotes() -> None:
    tree = parse("\"a' | b:* & !c\\\" d'e")

    assert tsearch.expression(tree).count("'") % 2 == 0


def test_two_processes_are_not_at_one_work(pg: Database, postgres: Postgres) -> None:
    other = open_database(f"{postgres.url()[: -len('postgres')]}{pg.database}")
    with pg.alone("watch") as first, other.alone("watch") as second, other.alone("else") as third:
        assert (first, second, third) == (True, False, True)
    with other.alone("watch") as again:
        assert again
    other.close_all()
