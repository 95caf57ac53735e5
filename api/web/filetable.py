"""Lists of files: the filters of the form, and the rows that they select."""

from typing import Any, NamedTuple

from ..mails.query import time_of
from ..models import Page
from ..rest.paging import cursor
from ..views import files
from ..watching import filelist
from .forms import Form
from .listing import SIZE, Part, filters, part
from .strings import t

FIELDS = ("q", "page", "state", "versions", "since", "until")
#: Pages that the filter offers.
MOST = 500


class Table(NamedTuple):
    """A part of a list, and what its form shows."""

    part: Part
    given: dict[str, str]
    #: The page that all files are of; "" for those of any.
    page: str
    pages: list[str]
    states: list[tuple[str, str]]


def read(form: Form, page: str = "") -> Table:
    """The files that were asked for; what is wrong with a filter stands in the form."""
    given = {name: text for name, text in filters().items() if name in FIELDS}
    if page:
        given["page"] = page
    for name in {"since", "until"} & given.keys():
        with form.blaming({"bad_time": name}):
            time_of(name, given[name])
    found = part([], lambda _: [])
    if form.is_fine:
        with form.blaming({"bad_state": "state", "bad_versions": "versions"}):
            rows = filelist.below(filelist.selected(given), cursor(str, int)).limit(SIZE + 1)
            found = part([files.shown(row) for row in rows], lambda row: [row.created, row.id])
    return Table(
        part=found,
        given=given,
        page=page,
        pages=[] if page else _pages(),
        states=[(state, t(f"mark.{state}")) for state in filelist.STATES],
    )


def _pages() -> list[str]:
    rows: Any = Page.select(Page.name).order_by(Page.name).limit(MOST).tuples()
    return [name for (name,) in rows]
