"""Lists cut into groups that are bounded by count and by bytes."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def grouped(
    things: Iterable[T], size: Callable[[T], int], most: int, most_bytes: int
) -> Iterator[list[T]]:
    """In their order; what is larger than a whole group stands alone."""
    group: list[T] = []
    total = 0
    for thing in things:
        length = size(thing)
        if group and (len(group) == most or total + length > most_bytes):
            yield group
            group, total = [], 0
        group.append(thing)
        total += length
    if group:
        yield group
