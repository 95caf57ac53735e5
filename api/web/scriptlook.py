"""Scripts and runs in words and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from flask import url_for
from markupsafe import Markup

from postroom.clock import clock_of
from postroom.runs import Schedule

from ..rest import scripted
from ..running import runlist
from ..schedule import stamp
from ..scripting.scripts import ALL
from . import runchart
from .strings import t

#: Runs in the picture of a list, and in that of a script's page.
FEW, MANY = 12, 60
_SPANS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


@dataclass(frozen=True, slots=True)
class Row:
    """A script as the list shows it."""

    script: scripted.Script
    mark: str
    triggers: list[str]
    next: str
    strip: Markup


def row(script: scripted.Script) -> Row:
    """A script with what it did lately and what comes next."""
    runs = runlist.newest(script.name, FEW)
    title = t("scripts.strip", name=script.name)
    strip = runchart.strip(runs[::-1], title, f"strip-{script.name}")
    return Row(script, mark(script), triggers(script), next_slot(script), strip)


def mark(script: scripted.Script) -> str:
    """How a script stands, as a mark has it."""
    if not script.enabled:
        return "off"
    return script.last_run.status if script.last_run else "new"


def triggers(script: scripted.Script) -> list[str]:
    """What starts a script beside somebody's hand."""
    found = []
    if script.cron:
        found.append(t("scripts.on_cron", cron=script.cron, zone=script.time_zone))
    elif script.scheduled_time and script.repeat_after:
        found.append(t("scripts.on_repeat", span=span(script.repeat_after)))
    elif script.scheduled_time:
        found.append(t("scripts.on_time", time=script.scheduled_time[:16].replace("T", " ")))
    if script.on_mail:
        is_each = script.on_mail == ALL
        found.append(t("scripts.on_each_mail" if is_each else "scripts.on_mails",
                       query=script.on_mail))  # fmt: skip
    if script.on_file:
        is_each = script.on_file == ALL
        found.append(t("scripts.on_each_file" if is_each else "scripts.on_files",
                       page=script.on_file))  # fmt: skip
    return found


def next_slot(script: scripted.Script) -> str:
    """When its clock strikes next; "" where it has none that goes."""
    schedule = Schedule(
        name=script.name,
        enabled=script.enabled,
        planned=script.planned,
        scheduled_time=script.scheduled_time,
        repeat_after=script.repeat_after,
        cron=script.cron,
        time_zone=script.time_zone,
    )
    clock = clock_of(schedule)
    at = clock.next(datetime.now(UTC)) if clock else None
    return stamp(at) if at else ""


def span(seconds: float) -> str:
    """A length of time, in the largest unit that is whole."""
    for unit, length in _SPANS:
        if seconds >= length and seconds % length == 0:
            return t(f"span.{unit}", count=int(seconds // length))
    return t("span.seconds", count=int(seconds) if seconds == int(seconds) else round(seconds, 1))


def took(seconds: float | None) -> str:
    """How long a run took."""
    if seconds is None:
        return ""
    if seconds < 59.95:
        return t("took.seconds", count=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return t("took.minutes", minutes=minutes, seconds=rest)
    return t("took.hours", hours=minutes // 60, minutes=minutes % 60)


def exact(value: float) -> str:
    """A number as a field holds it: what is saved again is the same."""
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def reason(run: scripted.Run) -> str:
    """Why a run is, in a few words."""
    about = run.trigger
    values = {"slot": str(about.get("slot", ""))[:16].replace("T", " "), "of": about.get("of", "")}
    kind = "late" if about.get("kind") == "clock" and about.get("late") else about.get("kind", "")
    return t(f"reason.{kind}", mail=run.mail or "", file=run.file or "", **values)


def history(runs: Sequence[scripted.Run]) -> Markup:
    """The durations of runs, newest first, as a chart that goes from the oldest."""
    return runchart.durations(runs[::-1], t("script.chart"), "durations")


def address(run: int) -> str:
    """Where a run is shown."""
    return url_for("run_pages.run", id_=run)
