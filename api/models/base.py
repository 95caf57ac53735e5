"""What all tables are made of."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import peewee

database = peewee.DatabaseProxy()


def now() -> str:
    """This moment as the tables keep it: UTC, ISO 8601, of one width so that text sorts as time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Id(peewee.AutoField):
    """An id that never comes again, not even after its row was deleted."""

    def ddl(self, ctx: Any) -> Any:
        """Add what SQLite needs for that; PostgreSQL's sequences never go back."""
        nodes = super().ddl(ctx)
        if isinstance(database.obj, peewee.SqliteDatabase):
            return peewee.NodeList((nodes, peewee.SQL("AUTOINCREMENT")))
        return nodes


def encode(value: Any) -> str:
    """A small structure as the tables keep it: JSON."""
    return msgspec.json.encode(value).decode()


class Json(peewee.TextField):
    """A small structure that is only read and written whole."""

    def db_value(self, value: Any) -> str | None:
        """Encode."""
        return None if value is None else encode(value)

    def python_value(self, value: str | None) -> Any:
        """Decode."""
        return None if value is None else msgspec.json.decode(value)


class Number(peewee.BigIntegerField):
    """A number of 64 bits that may be the key of a table."""

    def ddl_datatype(self, ctx: Any) -> Any:
        """Only under this name is it SQLite's own row number."""
        if isinstance(database.obj, peewee.SqliteDatabase):
            return peewee.SQL("INTEGER")
        return super().ddl_datatype(ctx)


class BaseModel(peewee.Model):
    """What every table has.

    A reference that another index begins with has none of its own: each costs every insert.
    """

    id = Id()
    created = peewee.TextField(default=now)
    changed = peewee.TextField(default=now)

    class Meta:
        database = database
        legacy_table_names = False
