"""Which database a setting means."""

from pathlib import Path

from postroom.errors import SettingsError

from .base import Database

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
        from .sqlite import Sqlite

        return Sqlite(Path(where))
    try:
        from .postgresql import Postgresql
    except ImportError as e:
        raise SettingsError(
            f"PostgreSQL needs a library more ({e}): pip install 'postroom[postgresql]'"
        ) from e
    return Postgresql(where, folder or Path(), password=password, connections=connections)
