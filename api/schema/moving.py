"""A database of SQLite moved to PostgreSQL: by pieces, so that it goes on where it was stopped.

The pieces are compared by their hashes: what is equal already is not sent again, what changed
meanwhile is, and what is gone goes. So the last pass, in which nobody writes, proves the move.
"""

import logging
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import peewee

from postroom.errors import PostroomError, SettingsError

from ..database import Database, bulk
from ..models import TABLES, Event, Fact, Mail, database
from ..search import indexing
from ..search.wordindex import words_index
from . import upgrade
from .migrations import MOVING, migrate

log = logging.getLogger(__name__)
#: Rows of one piece.
PIECE = 500
Row = tuple[Any, ...]


class Table(NamedTuple):
    """A table as both databases have it."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    booleans: frozenset[int]
    #: Whether rows of other tables name its own: those are changed, never sent anew.
    is_named: bool


def tables() -> list[Table]:
    """All, those first that others name."""
    found = []
    for model in peewee.sort_models(TABLES):
        meta = model._meta
        fields = meta.sorted_fields
        key = meta.primary_key
        names = key.field_names if isinstance(key, peewee.CompositeKey) else [key.name]
        found.append(
            Table(
                meta.table_name,
                tuple(field.column_name for field in fields),
                tuple(meta.fields[name].column_name for name in names),
                frozenset(n for n, f in enumerate(fields) if isinstance(f, peewee.BooleanField)),
                bool(meta.backrefs),
            )
        )
    return found


def begin(old: Database, new: Database) -> None:
    """Make both ready; SettingsError when the new one holds something else."""
    database.initialize(old)
    migrate(old)
    database.initialize(new)
    migrate(new, is_move=True)
    if Fact.get_or_none(Fact.name == MOVING) is not None:
        log.info("going on with the move to %s", new.shown)
        return
    if Event.select().exists() or Mail.select().exists():
        raise SettingsError(f"{new.shown} is in use: move into a database that is empty")
    with new.writing():
        Fact.create(name=MOVING, value=old.shown)


def copy(old: Database, new: Database) -> None:
    """Bring over what the new one has not; while others write, so that little is left to do."""
    for table in tables():
        if table.name != Fact._meta.table_name:
            _even(old, new, table)
    _index(new)


def finish(old: Database, new: Database) -> dict[str, int]:
    """Bring over all that is left, prove that both are equal, and count it by table.

    Nobody writes into the old one meanwhile; PostroomError when they are not equal in the end.
    """
    with old.writing():
        every = tables()
        for table in every:
            if table.name != Fact._meta.table_name:
                _even(old, new, table)
        _index(new)
        # This one last: as long as it says that a move is under way, no API starts on the new one.
        facts = next(table for table in every if table.name == Fact._meta.table_name)
        counts = {table.name: _proven(old, new, table) for table in every if table is not facts}
        _set_sequences(old, new, every)
        _even(old, new, facts)
        return {**counts, facts.name: _proven(old, new, facts)}


def _even(old: Database, new: Database, table: Table) -> None:
    """Let the new table be as the old one."""
    last: Row | None = None
    sent = 0
    for rows in chain(_pieces(old, table), [[]]):
        end = _key(table, rows[-1]) if rows else None
        held = _between(new, table, last, end)
        if _digest(table, rows) != _digest(table, held):
            _send(new, table, rows, held)
            sent += len(rows)
        last = end
    if sent:
        log.info("%s: %d rows sent", table.name, sent)


def _pieces(db: Database, table: Table) -> Iterator[list[Row]]:
    last: Row | None = None
    while rows := _rows(db, table, last, None, PIECE):
        yield rows
        last = _key(table, rows[-1])


def _between(db: Database, table: Table, low: Row | None, high: Row | None) -> list[Row]:
    return _rows(db, table, low, high, None)


def _rows(
    db: Database, table: Table, low: Row | None, high: Row | None, most: int | None
) -> list[Row]:
    """Rows above `low`, up to `high`, in the order of their keys."""
    p, key = db.param, _names(table.key)
    marks = f"({', '.join([p] * len(table.key))})"
    bounds = [(f"({key}) > {marks}", low), (f"({key}) <= {marks}", high)]
    where = " AND ".join(sql for sql, value in bounds if value is not None) or "1 = 1"
    limit = f" LIMIT {most}" if most else ""
    sql = f"SELECT {_names(table.columns)} FROM {table.name} WHERE {where} ORDER BY {key}{limit}"  # noqa: S608
    values = [each for _, value in bounds if value is not None for each in value]
    return [_plain(table, row) for row in db.execute_sql(sql, values).fetchall()]


def _plain(table: Table, row: Row) -> Row:
    """A row as both databases have it: one has no truth values, the other no NULs in text."""
    return tuple(
        bool(value) if n in table.booleans and value is not None
        else value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str)
        else value
        for n, value in enumerate(row)
    )  # fmt: skip


def _key(table: Table, row: Row) -> Row:
    return tuple(row[table.columns.index(name)] for name in table.key)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _digest(table: Table, rows: Sequence[Row]) -> bytes:
    return sha256(msgspec.msgpack.encode([table.name, rows])).digest()


def _send(new: Database, table: Table, rows: Sequence[Row], held: Sequence[Row]) -> None:
    """Put these rows in the place of those."""
    known = {_key(table, row): row for row in held}
    wanted = {_key(table, row): row for row in rows}
    changed = [row for key, row in wanted.items() if known.get(key) != row]
    stale = [key for key in known if key not in wanted or not table.is_named]
    if not table.is_named:
        changed = list(rows)
    p = new.param
    with new.writing():
        if table.name == Mail._meta.table_name and known:
            # Their words are indexed anew.
            words_index().forget([_key(table, row) for row in changed])
        where = " AND ".join(f'"{name}" = {p}' for name in table.key)
        new.many(f"DELETE FROM {table.name} WHERE {where}", stale)  # noqa: S608
        for part in _parts(changed):
            one = f"({', '.join([p] * len(table.columns))})"
            new.execute_sql(
                f"INSERT INTO {table.name} ({_names(table.columns)}) "  # noqa: S608
                f"VALUES {', '.join([one] * len(part))} "
                f"ON CONFLICT ({_names(table.key)}) DO {_update(table)}",
                [value for row in part for value in row],
            )


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    size = max(1, bulk.MAX_PARAMETERS // len(rows[0])) if rows else 1
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _update(table: Table) -> str:
    others = [name for name in table.columns if name not in table.key]
    return "UPDATE SET " + ", ".join(f'"{name}" = excluded."{name}"' for name in others)


def _index(new: Database) -> None:
    """Index the words of all mails that are not in the index."""
    while True:
        last = new.execute_sql(
            "SELECT id FROM mails m WHERE state = 'parsed' AND NOT EXISTS("
            "SELECT 1 FROM mail_words w WHERE w.mail_id = m.id) ORDER BY id LIMIT 500"
        ).fetchall()
        if not last:
            return
        with new.writing():
            indexing.add(upgrade.words_of([id_ for (id_,) in last]))


def _proven(old: Database, new: Database, table: Table) -> int:
    """How many rows both have, read once more and equal by their hashes."""
    here, there = (digest_of(db, table) for db in (old, new))
    if here != there:
        raise PostroomError(f"{table.name}: {here[0]} rows here are not the {there[0]} there")
    return here[0]


def digest_of(db: Database, table: Table) -> tuple[int, str]:
    """How many rows a table has, and the hash of them all."""
    count, whole = 0, sha256()
    for rows in _pieces(db, table):
        count += len(rows)
        whole.update(_digest(table, rows))
    return count, whole.hexdigest()


def _set_sequences(old: Database, new: Database, every: Sequence[Table]) -> None:
    """Ids go on where they were: none comes again, not even one that was deleted."""
    last = dict(old.execute_sql("SELECT name, seq FROM sqlite_sequence").fetchall())
    with new.writing():
        for table in every:
            if number := last.get(table.name):
                new.execute_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), %s)",
                    (number,),
                )
