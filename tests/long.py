"""Tests of one kind that are too many for each run: `make test-long` runs the others."""

from collections.abc import Sequence
from typing import Any

import pytest


def one_in(each: int, cases: Sequence[Any]) -> list[Any]:
    """The cases, of which one in `each` runs every time."""
    return [
        case if number % each == 0 else pytest.param(*_values(case), marks=pytest.mark.long)
        for number, case in enumerate(cases)
    ]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
