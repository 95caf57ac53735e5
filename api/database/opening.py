"""Which database a setting means."""

from importlib import import_module
from pathlib import Path

from postroom.errors import SettingsError

from .base import Database
from .sqlite import Sqlite

URL = ("postgresql://", "postgres://")


def is_url(text: str) -> bool:
    """Whether a setting names a server, not a file."""
    return text.startswith(URL)


def open_database(
    where: Path | str, *, folder: Path | None = None, password: str = "", connections: int = 20
) -> Database:
    """The database in that file, or of that URL, of which nothing is asked yet.

    Of a server: `folder` takes the files that belong to it, `password` counts more than the
    URL's, and `connections` are the most at a time.
    """
    if not isinstance(where, str) or not is_url(where):
        return Sqlite(Path(where))
    try:
        # Those who stay with SQLite need no library of PostgreSQL's.
        opened = import_module(".postgresql", __package__).Postgresql
    except ImportError as e:
        raise SettingsError(
            f"PostgreSQL needs a library more ({e}): pip install 'postroom[postgresql]'"
        ) from e
    found: Database = opened(where, folder or Path(), password=password, connections=connections)
    return found
