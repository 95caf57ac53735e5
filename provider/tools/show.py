"""What commands print: a table on a terminal, plain lines elsewhere, JSON when asked for."""

import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from postroom.logs import safe
from postroom.progress import Counts, Progress, progress

#: Values of one row, in the order of the columns.
Row = Sequence[Any]


def json(value: Any) -> None:
    """One JSON document."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(text + "\n")


def table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Rows under their columns; without a terminal, each as one line with tabs between."""
    if not rows:
        return
    if sys.stdout.isatty():
        _drawn(columns, rows)
    else:
        lines = ("\t".join(safe(_text(value)) for value in row) for row in rows)
        sys.stdout.writelines(f"{line}\n" for line in lines)


def _drawn(columns: Sequence[str], rows: Sequence[Row]) -> None:
    # Not needed where nobody looks.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(*columns)
    for row in rows:
        # Text: what strangers wrote is no markup.
        drawn.add_row(*(Text(safe(_text(value))) for value in row))
    Console().print(drawn)


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if sys.stdout.isatty() else str(value)
    return str(value)


def say(sentence: str) -> None:
    """A sentence for whoever reads the table."""
    sys.stdout.write(safe(sentence) + "\n")


def complain(sentence: str) -> None:
    """What is wrong, beside the answer."""
    sys.stderr.write(f"provider: {safe(sentence)}\n")


def shown_progress(title: str, *, quiet: bool) -> Progress:
    """A bar, where somebody looks at it."""
    return Counts(title) if quiet else progress(title)
