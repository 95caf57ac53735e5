"""Rows of files as they are read and written in numbers, past peewee."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from postroom import wire

from ..database import bulk
from ..deliveries import MAX_LINE, clean
from ..models import File, database, now
from ..search.fold import plain


@dataclass(slots=True)
class Row:
    """A file, all but what never changes once it was found."""

    id: int
    url: str
    text: str
    filename: str
    storage_url: str
    version: str
    current: bool
    state: str
    size: int
    type: str
    etag: str
    last_modified: str
    key: str
    attempts: int
    error: str
    next_try: str
    next_check: str
    news: str

    def save(self) -> None:
        """Write it; call it inside a write transaction."""
        values = [getattr(self, name) for name in _CHANGING]
        database.execute_sql(
            _UPDATE.format(database.param),
            (*values, words(self.filename, self.url, self.text), now(), self.id),
        )


_COLUMNS = [field.name for field in fields(Row)]
_CHANGING = [name for name in _COLUMNS if name not in ("id", "url", "text")]
_SELECT = f"""
    SELECT {", ".join(f'"{name}"' for name in _COLUMNS).replace('"url"', "download_url")}
    FROM files WHERE page_id = {{0}} AND download_url IN ({{1}})"""  # noqa: S608
_UPDATE = f"""
    UPDATE files SET {", ".join(f'"{name}" = {{0}}' for name in _CHANGING)},
    words = {{0}}, changed = {{0}} WHERE id = {{0}}"""  # noqa: S608


def held(page: int, urls: Collection[str]) -> dict[str, list[Row]]:
    """All versions of these URLs, by URL."""
    found: dict[str, list[Row]] = defaultdict(list)
    marks = ", ".join([database.param] * len(urls))
    for row in database.execute_sql(_SELECT.format(database.param, marks), (page, *urls)):
        found[row[1]].append(Row(*row))
    return found


def add(page: int, url: str, filename: str) -> Row:
    """A file that was never found before; call it inside a write transaction."""
    values = found(page, wire.Link(url=url), filename)
    ((id_,),) = bulk.insert(File, [values], returning="id")
    return Row(id=id_, url=url, **{name: values[name] for name in ("text", *_CHANGING)})


def found(page: int, link: wire.Link, filename: str) -> dict[str, Any]:
    """The columns of a file of which nothing is known but its link."""
    time, text = now(), clean(link.text, MAX_LINE)
    return {
        "created": time,
        "changed": time,
        "filename": filename,
        "download_url": link.url,
        "storage_url": "",
        "page": page,
        "version": "",
        "current": True,
        "state": "found",
        "size": 0,
        "type": "",
        "text": text,
        "etag": "",
        "last_modified": "",
        "key": "",
        "attempts": 0,
        "error": "",
        "next_try": "",
        "next_check": "",
        "news": "",
        "digest": None,
        "words": words(filename, link.url, text),
    }


def words(filename: str, url: str, text: str) -> str:
    """What searches look in."""
    return plain(f"{filename}\n{text}\n{url}")
