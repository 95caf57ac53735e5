"""Lists by parts: rows by falling ids, and where the next part begins."""

from collections.abc import Sequence
from typing import Any, TypeVar

R = TypeVar("R", bound=Any)


def parted(rows: Sequence[R], size: int) -> tuple[Sequence[R], int | None]:
    """The rows of this part, and below which id the next begins; None where there is no more."""
    part = rows[:size]
    return part, part[-1].id if len(rows) > size else None
