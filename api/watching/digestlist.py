"""Filters of the list of digests."""

from collections.abc import Mapping
from typing import Any, Literal

import peewee

from postroom.errors import RefusedError

from ..models import Digest, Page
from ..rest.contracts import Parameter

STATES = ("due", "sent", "empty")
FILTERS = (
    Parameter("page", "Digests of this page alone."),
    Parameter("state", "Digests in this state.", Literal[STATES], error="bad_state"),
)
#: All but the content, which is long.
_COLUMNS = [field for field in Digest._meta.sorted_fields if field is not Digest.content]


def selected(given: Mapping[str, str]) -> Any:
    """What the filters select, newest first; RefusedError for what is no filter."""
    found = (
        Digest.select(*_COLUMNS, Page.id, Page.name)
        .join(Page, peewee.JOIN.LEFT_OUTER)
        .order_by(Digest.id.desc())
    )
    if "page" in given:
        found = found.where(Page.name == given["page"])
    if "state" in given:
        found = found.where(Digest.state == _state(given["state"]))
    return found


def _state(state: str) -> str:
    if state not in STATES:
        raise RefusedError("bad_state", f"state is one of {', '.join(STATES)}, not {state!r}")
    return state
