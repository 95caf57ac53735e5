"""Values on their way to PostgreSQL, refused or changed as SQLite does it."""

from typing import Any

from psycopg.adapt import AdaptersMap, PyFormat
from psycopg.types.numeric import IntDumper
from psycopg.types.string import StrDumperUnknown

LOWEST, HIGHEST = -(2**63), 2**63 - 1


class Text(StrDumperUnknown):
    """Text has no NULs here."""

    def dump(self, obj: str) -> Any:
        """Put a sign in their place that says so."""
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


class Int(IntDumper):
    """Numbers have 64 bits."""

    def upgrade(self, obj: int, format: PyFormat) -> Any:
        """OverflowError for what no column takes, as SQLite raises it."""
        if not LOWEST <= obj <= HIGHEST:
            raise OverflowError("a number is larger than any column")
        return super().upgrade(obj, format)


def adapt(adapters: AdaptersMap) -> None:
    """Let a connection send values so."""
    adapters.register_dumper(str, Text)
    adapters.register_dumper(int, Int)
