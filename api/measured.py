"""What the API tells of itself: requests as they are answered, the tables when it is asked."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import peewee
from flask import Flask, Response, current_app, g, request

from postroom.metrics import Labels, Metric, Numbers

from .database import Database
from .mails.ingest import Answer
from .models import Mailbox, Page, Quarantine, Run, Task
from .sources import silence
from .streams import Streams

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

REQUESTS = Metric("postroom_api_requests_total", "counter", "Requests that were answered.",
                  ("route", "method", "status"))  # fmt: skip
SECONDS = Metric("postroom_api_request_seconds", "histogram",
                 "Seconds until the head of an answer was ready.", ("route", "method"))  # fmt: skip
MAILS = Metric("postroom_api_mails_total", "counter",
               "Mails that were pushed, by what became of them.", ("status",))  # fmt: skip
BATCH = Metric("postroom_api_ingest_seconds", "histogram", "Seconds of a batch of mails.")
LAG = Metric("postroom_api_mailbox_lag_seconds", "gauge",
             "Seconds since a mailbox last had nothing missing.", ("mailbox",))  # fmt: skip
STATE = Metric("postroom_api_source_state", "gauge", "1 for the state that a source is in.",
               ("kind", "source", "state"))  # fmt: skip
ASIDE = Metric("postroom_api_quarantine_items", "gauge", "Items in quarantine.", ("stage",))
TASKS = Metric("postroom_api_open_tasks", "gauge", "Tasks that are due or leased.", ("kind",))
RUNS = Metric("postroom_api_runs", "gauge", "Runs that are kept.", ("status",))
DEAD = Metric("postroom_api_dead_letters", "gauge",
              "Messages about runs that wait, given up by the queue.")  # fmt: skip
STREAMS = Metric("postroom_api_event_streams", "gauge", "Streams of events that are open.")
SIZE = Metric("postroom_api_database_bytes", "gauge", "Bytes of the database and its log.")
METRICS = (REQUESTS, SECONDS, MAILS, BATCH, LAG, STATE, ASIDE, TASKS, RUNS, DEAD, STREAMS, SIZE)


def register(app: Flask) -> None:
    """Count every request; call it before what may refuse one is registered."""
    app.config["NUMBERS"] = numbers(app.config["DATABASE"], app.config["STREAMS"])
    app.before_request(_begin)
    app.after_request(_end)


def numbers(db: Database, streams: Streams) -> Numbers:
    """All metrics, with how to read those that are asked of the tables."""
    found = Numbers(METRICS)
    found.read(LAG, _lags)
    found.read(STATE, _states)
    found.read(ASIDE, lambda: _counted(Quarantine, Quarantine.stage))
    found.read(TASKS, lambda: _counted(Task, Task.kind, Task.state != "done"))
    found.read(RUNS, lambda: _counted(Run, Run.status))
    found.read(DEAD, lambda: {(): float(_dead_letters())})
    found.read(STREAMS, lambda: {(): float(len(streams))})
    found.read(SIZE, lambda: {(): float(_size(db))})
    return found


def took(answers: Sequence[Answer], seconds: float) -> None:
    """Note a batch of mails."""
    told: Numbers = current_app.config["NUMBERS"]
    told.observe(BATCH, seconds)
    for status, count in Counter(each.status for each in answers).items():
        told.add(MAILS, status, value=count)


def _begin() -> None:
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    told: Numbers = current_app.config["NUMBERS"]
    # Never the address itself: anybody can make up more of these.
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in METHODS else "other"
    told.add(REQUESTS, route, method, str(response.status_code))
    if "began" in g:
        told.observe(SECONDS, time.perf_counter() - g.began, route, method)
    return response


def _lags() -> dict[Labels, float]:
    found = {(mailbox.name,): silence.lag(mailbox) for mailbox in Mailbox.select()}
    return {name: lag for name, lag in found.items() if lag is not None}


def _states() -> dict[Labels, float]:
    kinds: dict[str, Any] = {"mailbox": Mailbox, "page": Page}
    return {
        (kind, source.name, source.state): 1.0
        for kind, table in kinds.items()
        for source in table.select(table.name, table.state)
    }


def _counted(table: Any, column: peewee.Field, *only: peewee.Node) -> dict[Labels, float]:
    found = table.select(column, peewee.fn.COUNT(table.id)).group_by(column)
    for condition in only:
        found = found.where(condition)
    return {(value,): float(count) for value, count in found.tuples()}


def _dead_letters() -> int:
    waiting = Run.select(peewee.fn.SUM(Run.dead_letters)).where(Run.status == "pending")
    return waiting.scalar() or 0


def _size(db: Database) -> int:
    return db.size()
