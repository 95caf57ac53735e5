"""Many rows in one statement: peewee's own insert_many costs more than SQLite's work itself."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import peewee

from ..models import database

#: Both databases bound the parameters of one statement (SQLite: 32,766).
MAX_PARAMETERS = 8_000
Row = dict[str, Any]


def insert(
    model: type[peewee.Model], rows: Sequence[Row], *, ignore: bool = False, returning: str = ""
) -> list[tuple[Any, ...]]:
    """Insert rows that all have the same columns; values must be such as the database takes.

    With `ignore`, rows that are there already stay as they are and are not returned.
    """
    returned: list[tuple[Any, ...]] = []
    for chunk in _chunks(rows):
        columns = tuple(chunk[0])
        names = tuple(model._meta.fields[name].column_name for name in columns)
        table = model._meta.table_name
        sql = _statement(database.param, table, names, len(chunk), ignore, returning)
        values = [row[name] for row in chunk for name in columns]
        cursor = database.execute_sql(sql, values)
        if returning:
            returned += cursor.fetchall()
    return returned


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    size = max(1, MAX_PARAMETERS // len(rows[0])) if rows else 1
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@lru_cache(maxsize=64)
def _statement(
    mark: str, table: str, columns: tuple[str, ...], count: int, ignore: bool, returning: str
) -> str:
    one = f"({', '.join([mark] * len(columns))})"
    conflict = " ON CONFLICT DO NOTHING" if ignore else ""
    wanted = f" RETURNING {returning}" if returning else ""
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES {", ".join([one] * count)}{conflict}{wanted}'  # noqa: S608


def update(model: type[peewee.Model], id_: int, **values: Any) -> None:
    """Set columns of one row, by the names of the table; values as `insert` takes them."""
    sql = _setting(database.param, model._meta.table_name, tuple(values))
    database.execute_sql(sql, (*values.values(), id_))


@lru_cache(maxsize=64)
def _setting(mark: str, table: str, columns: tuple[str, ...]) -> str:
    told = ", ".join(f'"{name}" = {mark}' for name in columns)
    return f'UPDATE "{table}" SET {told} WHERE id = {mark}'  # noqa: S608
