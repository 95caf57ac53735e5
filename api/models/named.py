"""Rows that have names: listed in the order of these, and found by one."""

from typing import Any, TypeVar

from postroom.errors import RefusedError

from . import BaseModel

T = TypeVar("T", bound=BaseModel)


def listed(table: Any, after: tuple[Any, ...] | None) -> Any:
    """All rows by name, from behind the one where the last page ended."""
    found = table.select().order_by(table.name)
    return found.where(table.name > after[0]) if after else found


def found(table: type[T], name: str) -> T:
    """The row of that name; RefusedError when there is none."""
    names: Any = table
    row: T | None = table.get_or_none(names.name == name)
    if row is None:
        raise RefusedError("not_found", f"there is no {table.__name__.lower()} {name!r}")
    return row
