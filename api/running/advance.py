"""Runs for what is new: each event above a script's cursor is looked at once."""

from collections.abc import Sequence
from functools import reduce
from operator import and_

from postroom.runs import Advanced

from ..database import Database
from ..models import Event, Mail, Run, Script
from ..scripting import scripts
from ..search.conditions import selects
from ..search.querylang import parse
from ..search.querytree import split
from ..search.wordindex import words_index
from . import runs

OF_MAILS = ("mail.stored",)
OF_FILES = ("file.stored", "file.changed")
#: Events of one call.
WINDOW = 1_000
#: A cursor that no event moved is moved all the same when it is so far behind.
FAR = 500


def advance(db: Database) -> Advanced:
    """Make the runs of a window of events; nothing is written when nothing is new."""
    end = scripts.last_event()
    if not any(_is_news(script, end) for script in _listening(end)):
        return Advanced(runs=0, more=False)
    made: list[tuple[str, int, runs.Wanted]] = []
    more = False
    with db.writing():
        for script in _listening(end):
            events = _window(script)
            made += _answer(script, events)
            if events:
                Script.update(event=events[-1].id).where(Script.id == script.id).execute()
                more = more or events[-1].id < end
    for one in made:
        runs.waits(*one)
    return Advanced(runs=len(made), more=more)


def _listening(end: int) -> list[Script]:
    """Scripts that wait for mails or files, and have not heard of all."""
    found = Script.select().where(
        Script.enabled, Script.event < end, (Script.on_mail != "") | (Script.on_file != "")
    )
    return list(found.order_by(Script.id))


def _is_news(script: Script, end: int) -> bool:
    if end - script.event > FAR:
        return True
    kinds = Event.select().where(Event.id > script.event, Event.kind.in_(OF_MAILS + OF_FILES))
    return bool(kinds.exists())


def _window(script: Script) -> list[Event]:
    found = Event.select().where(Event.id > script.event).order_by(Event.id)
    return list(found.limit(WINDOW))


def _answer(script: Script, events: Sequence[Event]) -> list[tuple[str, int, runs.Wanted]]:
    wanted = [*_of_mails(script, events), *_of_files(script, events)]
    # The cursor alone says so already; the rows make sure of it.
    known = {
        id_
        for (id_,) in Run.select(Run.event)
        .where(Run.script == script, Run.event.in_([one.event for one in wanted]))
        .tuples()
    }
    fresh = sorted(
        (one for one in wanted if one.event not in known), key=lambda one: one.event or 0
    )
    ids = runs.add(script, fresh) if fresh else []
    return [(script.name, id_, one) for id_, one in zip(ids, fresh, strict=True)]


def _of_mails(script: Script, events: Sequence[Event]) -> list[runs.Wanted]:
    told = {event.about["mail"]: event for event in events if event.kind in OF_MAILS}
    if not script.on_mail or not told:
        return []
    return [
        runs.Wanted(
            "mail",
            {"mail": id_, "mailbox": told[id_].source, "event": told[id_].id},
            script.arguments,
            mail=id_,
            event=told[id_].id,
        )
        for id_ in matching(script.on_mail, list(told))
    ]


def matching(query: str, ids: Sequence[int]) -> list[int]:
    """Those of the mails that a query finds; "*" finds all."""
    found = Mail.select(Mail.id).where(Mail.id.in_(ids), Mail.state != "purged")
    if query != scripts.ALL:
        words, others = split(parse(query))
        if words is None:
            found = found.where(selects(parse(query)))
        else:
            found = found.where(Mail.id.in_(words_index().hits(words, (min(ids), max(ids)))))
            if others:
                found = found.where(reduce(and_, map(selects, others)))
    return [id_ for (id_,) in found.tuples()]


def _of_files(script: Script, events: Sequence[Event]) -> list[runs.Wanted]:
    if not script.on_file:
        return []
    return [
        runs.Wanted(
            "file",
            {"file": event.about["file"], "page": event.source, "event": event.id,
             "changed": event.kind == "file.changed"},
            script.arguments,
            file=event.about["file"],
            event=event.id,
        )
        for event in events
        if event.kind in OF_FILES and script.on_file in (scripts.ALL, event.source)
    ]  # fmt: skip
