"""What the API told of how all stands, as tables and sentences for a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from postroom.logs import safe

#: What the API answered, by what it was asked for.
Told = dict[str, Any]
#: States that somebody has to look at.
ILL: Final = ("silent", "failing", "error")
#: The details of an alarm that say what is wrong.
DETAILS = ("error", "reason", "folder", "free_percent")
UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))
LONGEST = 60


def sentences(attention: Mapping[str, Any]) -> list[str]:
    """A sentence for each thing that somebody has to look at, as on the overview."""
    counted = (
        (attention["more_alarms"], "alarms more: see /v1/alarms"),
        (attention["quarantined"], "in quarantine: see /v1/quarantine"),
        (attention["missed"], "slots of scripts missed in 24 hours"),
        (attention["failed"], "runs failed in 24 hours: see /v1/runs?status=error"),
    )
    return [
        *(_alarm(alarm) for alarm in attention["alarms"]),
        *(f"{count:,} {words}" for count, words in counted if count),
    ]


def _alarm(alarm: Mapping[str, Any]) -> str:
    told = [f"{name}: {alarm['about'][name]}" for name in DETAILS if name in alarm["about"]]
    known = " (somebody knows)" if alarm["acknowledged"] else ""
    what = f"{alarm['kind']} {alarm['source']}, {ago(alarm['since'])}{known}"
    return ": ".join([what, ", ".join(told)]) if told else what


def shown(told: Told) -> Group:
    """What needs attention first: the end may not fit."""
    parts: list[RenderableType] = [_head(told)]
    parts += [Text(f"! {safe(each)}", style="bold red") for each in sentences(told["attention"])]
    parts += [table for table in _tables(told) if table.row_count]
    if tasks := told["attention"]["tasks"]:
        waiting = ", ".join(f"{count:,} {kind}" for kind, count in tasks.items())
        parts.append(Text(f"tasks that wait: {waiting}"))
    return Group(*parts)


def _head(told: Told) -> Text:
    needed = "needs attention" if told["attention"]["needed"] else "all is well"
    return Text(f"{told['api']['url']}, version {told['api']['version']}: {needed}")


def _tables(told: Told) -> Iterator[Table]:
    rows = [*map(_mailbox, told["mailboxes"]), *map(_page, told["pages"])]
    yield _table(("", "source", "state", "lag", "last", "receipt", "trouble"), rows)
    yield _table(("", "script", "state", "clock", "last run"), map(_script, told["scripts"]))
    yield _table(("", "run", "script", "status", "began", "took", "error"), map(_run, told["runs"]))
    yield _table(("quarantined", "stage", "since", "reason"), map(_aside, told["quarantine"]))


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*names, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_cut(safe(cell))) for cell in row))
    return table


def _mailbox(each: Mapping[str, Any]) -> Sequence[str]:
    lag = "" if each["lag"] is None else _span(each["lag"])
    receipt, last, counts = each["last_receipt"], "", "none yet"
    if receipt:
        last = ago(receipt["created"])
        counts = (
            f"{receipt['listed']:,} listed, {receipt['stored']:,} stored, "
            f"{receipt['missing']:,} missing"
        )
    name = f"mailbox {each['name']}"
    return _mark(each["state"]), name, each["state"], lag, last, counts, each["error"]


def _page(each: Mapping[str, Any]) -> Sequence[str]:
    files = each["files"]
    counts = f"{each['links']:,} links, {files['stored']:,} stored, {files['failed']:,} failed"
    name, looked = f"page {each['name']}", ago(each["looked"])
    return _mark(each["state"]), name, each["state"], "", looked, counts, each["error"]


def _script(each: Mapping[str, Any]) -> Sequence[str]:
    last = each["last_run"]
    clock = each["cron"] or each["scheduled_time"] or ""
    ran = f"{last['status']} {ago(last['time'])}" if last else "never ran"
    return (
        _mark(last["status"] if last else ""),
        each["name"],
        "on" if each["enabled"] else "off",
        f"{clock} every {_span(each['repeat_after'])}" if each["repeat_after"] else clock,
        ran,
    )


def _run(each: Mapping[str, Any]) -> Sequence[str]:
    status = each["phase"] or each["status"]
    took = "" if each["duration"] is None else f"{each['duration']:.1f} s"
    began, error = ago(each["started"]), each["error"].partition("\n")[0]
    return _mark(each["status"]), str(each["id"]), each["script"], status, began, took, error


def _aside(each: Mapping[str, Any]) -> Sequence[str]:
    where = f"{each['mailbox']}/{each['folder']} {each['key']}"
    return where, each["stage"], ago(each["created"]), each["reason"]


def _mark(state: str) -> str:
    return "!" if state in ILL else "+"


def ago(time: str | None) -> str:
    """How long ago a time of the API was, by our clock."""
    if not time:
        return ""
    passed = (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
    return f"{_span(max(0.0, passed))} ago"


def _span(seconds: float) -> str:
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
