"""Items of a replay that the one before had otherwise, or that failed."""

from dataclasses import dataclass
from typing import Any

from postroom.errors import RefusedError

from ..models import ReplayItem

#: What can be asked for; "" stands for all of them.
KINDS = ("added", "gone", "changed", "failed")


@dataclass(frozen=True, slots=True)
class Differing:
    """One mail or file, and what came of it before and now."""

    item: int
    #: One of KINDS.
    kind: str
    error: str
    before: str
    after: str


def selected(replay: Any, kind: str, after: int, most: int) -> list[Differing]:
    """The next items of a kind after that of an id, in the order of their ids."""
    found = ReplayItem.select().where(ReplayItem.replay == replay.id, ReplayItem.item > after)
    rows = list(found.where(_condition(kind)).order_by(ReplayItem.item).limit(most))
    old = ReplayItem.select().where(
        ReplayItem.replay == (replay.previous or 0), ReplayItem.item.in_([r.item for r in rows])
    )
    before = {row.item: row.output for row in old}
    return [
        Differing(row.item, _kind(row), row.error, before.get(row.item, ""), row.output)
        for row in rows
    ]


def _kind(row: Any) -> str:
    # Of what failed, that counts more than that its output is gone.
    return "failed" if row.status == "error" else str(row.was)


def _condition(kind: str) -> Any:
    is_failed = ReplayItem.status == "error"
    if kind == "failed":
        return is_failed
    if kind in KINDS:
        return (ReplayItem.was == kind) & ~is_failed
    if kind:
        raise RefusedError("bad_kind", f"show is one of {', '.join(KINDS)}, not {kind!r}")
    return is_failed | ReplayItem.was.in_([each for each in KINDS if each != "failed"])
