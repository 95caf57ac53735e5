"""The database: one set of words, spoken by SQLite and by PostgreSQL."""

from .base import RESTORING, Database, end_process, in_savepoint
from .opening import is_url, open_database

__all__ = ["RESTORING", "Database", "end_process", "in_savepoint", "is_url", "open_database"]
