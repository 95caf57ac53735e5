"""Filters of the file list."""

from collections.abc import Mapping
from typing import Any, Literal

from postroom.errors import RefusedError

from ..mails.query import time_of
from ..models import File, Page
from ..rest.contracts import Parameter
from ..search.fold import plain

STATES = ("found", "stored", "failed", "purged")
FILTERS = (
    Parameter("q", "Files with all these words, or parts of words, in name, text or URL."),
    Parameter("page", "Files of this page."),
    Parameter("state", "Files in this state.", Literal[STATES], error="bad_state"),
    Parameter("since", "Found from this date or time on (ISO 8601).", error="bad_time"),
    Parameter("until", "Found before this date or time (ISO 8601).", error="bad_time"),
    Parameter("versions", "With `all`, those too that others replaced.",
              Literal["current", "all"], "current", error="bad_versions"),
)  # fmt: skip


def selected(given: Mapping[str, str]) -> Any:
    """What the filters select, newest first; RefusedError for what is no filter."""
    found = (
        File.select(File, Page.id, Page.name)
        .join(Page)
        .order_by(File.created.desc(), File.id.desc())
    )
    if _versions(given) == "current":
        found = found.where(File.current)
    if "page" in given:
        found = found.where(File.page == Page.select(Page.id).where(Page.name == given["page"]))
    if "state" in given:
        found = found.where(File.state == _state(given["state"]))
    if "since" in given:
        found = found.where(File.created >= time_of("since", given["since"]))
    if "until" in given:
        found = found.where(File.created < time_of("until", given["until"]))
    for word in plain(given.get("q", "")).split():
        found = found.where(File.words.contains(word))
    return found


def versions(row: File) -> Any:
    """All versions of a file, the last found first."""
    same = (File.page == row.page_id, File.download_url == row.download_url)
    return selected({"versions": "all"}).where(*same)


def below(found: Any, after: tuple[Any, ...] | None) -> Any:
    """The part of a list that follows a file, by its time and id; all of it for None."""
    if after is None:
        return found
    time, id_ = after
    return found.where((File.created < time) | ((File.created == time) & (File.id < id_)))


def _state(state: str) -> str:
    if state not in STATES:
        raise RefusedError("bad_state", f"state is one of {', '.join(STATES)}, not {state!r}")
    return state


def _versions(given: Mapping[str, str]) -> str:
    versions = given.get("versions", "current")
    if versions not in ("current", "all"):
        raise RefusedError("bad_versions", f"versions is current or all, not {versions!r}")
    return versions
