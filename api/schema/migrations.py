"""The schema by numbered steps, each taken once, under the write lock."""

import secrets
from collections.abc import Callable

from postroom.errors import SettingsError

from ..access.sessions import FORM_KEY
from ..database import RESTORING, Database
from ..models import (
    TABLES,
    Alarm,
    AlarmMail,
    Deletion,
    Digest,
    Fact,
    File,
    Page,
    Replay,
    ReplayItem,
    Run,
    RunLog,
    Script,
    ScriptVersion,
    Session,
    Slot,
    Threaded,
    ThreadKey,
    User,
    Webhook,
    WebhookDelivery,
    database,
)
from ..objects.kept import beginning, keys_of
from ..search.wordindex import words_index
from . import upgrade


def _first(db: Database) -> None:
    db.create_tables(TABLES)
    words_index().create()
    Fact.create(name="feed_epoch", value=secrets.token_hex(8))


def _know_parsers(db: Database) -> None:
    """Know which parser read a mail, and who was given a task how often."""
    if _add(db, "mails", "parser", "INTEGER DEFAULT 0"):
        # What programs gave as a record was never parsed here, and never shall be.
        db.execute_sql(
            "UPDATE mails SET parser = NULL WHERE id NOT IN (SELECT p.mail_id FROM places p "
            "JOIN folders f ON f.id = p.folder_id JOIN mailboxes m ON m.id = f.mailbox_id "
            "WHERE m.kind <> 'api' AND p.mail_id IS NOT NULL)"
        )
    db.execute_sql("CREATE INDEX IF NOT EXISTS mails_parser ON mails (parser)")
    _add(db, "tasks", "worker", "TEXT NOT NULL DEFAULT ''")
    _add(db, "tasks", "attempts", "INTEGER NOT NULL DEFAULT 0")


def _drop_spare_indexes(db: Database) -> None:
    """Drop those of a column that another index begins with: each costs every insert."""
    for name in (
        "attachments_mail_id", "folders_mailbox_id", "places_folder_id", "receipts_folder_id"
    ):  # fmt: skip
        db.execute_sql(f"DROP INDEX IF EXISTS {name}")


def _thread(db: Database) -> None:
    """Put mails into threads; index those who wrote apart from those who were written to."""
    db.create_tables((Threaded, ThreadKey), safe=True)
    # Nobody asks by these any more.
    for name in ("mails_header_sha256", "mails_message_id"):
        db.execute_sql(f"DROP INDEX IF EXISTS {name}")
    if words_index().is_outdated():
        words_index().drop()
        words_index().create()
        upgrade.index_again()
    upgrade.thread_all()


def _know_silence(db: Database) -> None:
    """Know how long a source has failed, and whether that was told."""
    _add(db, "mailboxes", "state", "TEXT NOT NULL DEFAULT 'ok'")
    for column in ("failed", "last_error", "last_error_at", "next_try"):
        _add(db, "mailboxes", column, "TEXT NOT NULL DEFAULT ''")


def _keep_deletions(db: Database) -> None:
    """Keep what is deleted at the sources; the intention comes before the deed."""
    db.create_tables([Deletion])


def _count_days(db: Database) -> None:
    """Know what each mailbox brought on its last day."""
    _add(db, "mailboxes", "day", "TEXT NOT NULL DEFAULT ''")
    _add(db, "mailboxes", "day_bytes", "BIGINT NOT NULL DEFAULT 0")


def _watch_pages(db: Database) -> None:
    """Know watched pages and their files, tasks for later, and what each store holds."""
    db.create_tables((Page, Digest, File))
    _add(db, "tasks", "due", "TEXT NOT NULL DEFAULT ''")
    db.execute_sql("CREATE INDEX IF NOT EXISTS tasks_open ON tasks (kind) WHERE state <> 'done'")
    _add(db, "stores", "holds", "TEXT NOT NULL DEFAULT 'mails'")
    # One store may hold both.
    db.execute_sql("DROP INDEX IF EXISTS stores_store")
    db.execute_sql("CREATE UNIQUE INDEX IF NOT EXISTS stores_store_holds ON stores (store, holds)")


def _keep_scripts(db: Database) -> None:
    """Know scripts, their runs and replays; find leases that ran out."""
    db.create_tables((Script, ScriptVersion, Run, Slot, RunLog, Replay, ReplayItem))
    db.execute_sql(
        "CREATE INDEX IF NOT EXISTS tasks_leased ON tasks (lease_until) WHERE state = 'leased'"
    )


def _know_couriers(db: Database) -> None:
    """Know webhooks and what is sent to them, alarms and the mails that tell of them."""
    db.create_tables((Webhook, WebhookDelivery, Alarm, AlarmMail))


def _know_users(db: Database) -> None:
    """Know users and the browsers that are signed in."""
    db.create_tables((User, Session))
    Fact.get_or_create(name=FORM_KEY, defaults={"value": secrets.token_hex(32)})


def _find_runs(db: Database) -> None:
    """Find the runs over a file, and those on a mail."""
    for column in ("file", "mail"):
        db.execute_sql(
            f"CREATE INDEX IF NOT EXISTS runs_{column} ON runs ({column}_id, id)"
            f" WHERE {column}_id IS NOT NULL"
        )


def _count_dead_letters(db: Database) -> None:
    """Count the messages about a run that a queue gave up."""
    _add(db, "runs", "dead_letters", "INTEGER NOT NULL DEFAULT 0")
    db.execute_sql(
        "CREATE INDEX IF NOT EXISTS runs_dead_letters ON runs (id) WHERE dead_letters > 0"
    )


def _name_claims(db: Database) -> None:
    """Find runs by the names of their claims, and those of a script in their order."""
    db.execute_sql("DROP INDEX IF EXISTS runs_pending")
    db.execute_sql(
        "CREATE INDEX IF NOT EXISTS runs_waiting ON runs (script_id, claim, id) "
        "WHERE status = 'pending'"
    )
    db.execute_sql("CREATE INDEX IF NOT EXISTS runs_script_id_id ON runs (script_id, id)")
    db.execute_sql("CREATE INDEX IF NOT EXISTS runs_claim ON runs (claim) WHERE claim > ''")


def _choose_by_parts(db: Database) -> None:
    """Know how far the items of a replay are chosen; those that there are have all of theirs."""
    for column in ("chosen", "last"):
        _add(db, "replays", column, "BIGINT NOT NULL DEFAULT 0")


def _find_objects(db: Database) -> None:
    """Find the objects of runs, artefacts as well, by how their keys begin."""
    if _add(db, "runs", "objects", "TEXT NOT NULL DEFAULT ''"):
        runs = Run.select(Run.id, Run.output_key, Run.artefacts).iterator()
        begins = [(beginning(keys[0]), run.id) for run in runs if (keys := keys_of(run))]
        p = db.param
        db.many(f"UPDATE runs SET objects = {p} WHERE id = {p}", begins)  # noqa: S608
    db.execute_sql("DROP INDEX IF EXISTS runs_output")
    db.execute_sql("CREATE INDEX IF NOT EXISTS runs_objects ON runs (objects) WHERE objects <> ''")


def _count_purged(db: Database) -> None:
    """Count in receipts what was purged."""
    _add(db, "receipts", "purged", "INTEGER NOT NULL DEFAULT 0")


def _add(db: Database, table: str, column: str, kind: str) -> bool:
    """Add a column; False when it is there, since the first step makes tables as they are now."""
    if any(each.name == column for each in db.get_columns(table)):
        return False
    db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column} {db.typed(kind)}")
    return True


#: The fact that a database has while another one is moved into it.
MOVING = "moving"
#: Step n brings the schema from version n to n + 1.
STEPS: tuple[Callable[[Database], None], ...] = (
    _first,
    _know_parsers,
    _drop_spare_indexes,
    _thread,
    _know_silence,
    _keep_deletions,
    _count_days,
    _watch_pages,
    _keep_scripts,
    _know_couriers,
    _know_users,
    _find_runs,
    _count_dead_letters,
    _name_claims,
    _choose_by_parts,
    _find_objects,
    _count_purged,
)


def refuse_newer(db: Database) -> None:
    """Raise SettingsError when the database is newer than this program."""
    if (version := schema_version()) > len(STEPS):
        raise SettingsError(
            f"{db.shown}: the database has schema {version}, this program knows up to "
            f"{len(STEPS)}: start the newer program, or restore a backup made before it"
        )


def migrate(db: Database, *, is_move: bool = False) -> None:
    """Bring the database up to date; raises SettingsError when it is newer than this program.

    An older one is copied beside itself first, where that can be done. Of several processes that
    start at once one takes the steps.
    """
    if 0 < schema_version() < len(STEPS):
        db.back_up(f"schema-{schema_version()}")
    with db.writing():
        version = schema_version()
        if version and not is_move:
            _demand_whole(db)
        refuse_newer(db)
        for step in STEPS[version:]:
            step(db)
        if version < len(STEPS):
            _note_version()


def _demand_whole(db: Database) -> None:
    for name, word in ((MOVING, "move"), (RESTORING, "restore")):
        if Fact.get_or_none(Fact.name == name) is not None:
            raise SettingsError(
                f"{db.shown}: the {word} into it is not at its end: run `python -m api {word}` "
                "again"
            )


def _note_version() -> None:
    value = str(len(STEPS))
    if not Fact.update(value=value).where(Fact.name == "schema").execute():
        Fact.create(name="schema", value=value)


def schema_version() -> int:
    """How far the bound database is; 0 when it is empty."""
    if not database.table_exists("facts"):
        return 0
    return int(Fact.get(Fact.name == "schema").value)


def feed_epoch() -> str:
    """Names this database's event feed: cursors of another one are refused."""
    value: str = Fact.get(Fact.name == "feed_epoch").value
    return value
