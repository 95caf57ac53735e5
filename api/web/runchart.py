"""Runs as pictures: each has the colour and the shape of its status."""

from collections.abc import Sequence
from datetime import UTC, datetime

from markupsafe import Markup, escape

from ..rest import scripted
from . import charts
from .strings import t

_STEP, _HIGH = 12, 16


def strip(runs: Sequence[scripted.Run], title: str, name: str) -> Markup:
    """The statuses of a few runs in a row, oldest first."""
    width = max(1, len(runs)) * _STEP
    drawn = "".join(
        shape(run.status, number * _STEP + _STEP / 2, _HIGH / 2, 4)
        for number, run in enumerate(runs)
    )
    how = f'viewBox="0 0 {width} {_HIGH}" width="{width}" height="{_HIGH}" class="strip"'
    return charts.picture(drawn, how, title, _told(runs), name)


def durations(runs: Sequence[scripted.Run], title: str, name: str) -> Markup:
    """How long each run took, oldest first; one that goes on counts up to now."""
    took = [_seconds(run) for run in runs]
    most = charts.round_up(max(took, default=0.0))
    step = (charts.WIDTH - charts.LEFT) / max(1, len(runs))
    inside = charts.HEIGHT - charts.BELOW - charts.ABOVE
    drawn = []
    for number, (run, seconds) in enumerate(zip(runs, took, strict=True)):
        x = charts.LEFT + step * (number + 0.5)
        y = charts.HEIGHT - charts.BELOW - inside * seconds / most
        words = t("script.chart_run", id=run.id, status=t(f"mark.{run.status}"),
                  seconds=f"{seconds:.1f}")  # fmt: skip
        stem = f'<path class="stem" d="M{x:.1f} {charts.HEIGHT - charts.BELOW}V{y:.1f}"/>'
        drawn.append(f"<g><title>{escape(words)}</title>{stem}{shape(run.status, x, y, 5)}</g>")
    labels = [run.time[5:16].replace("T", " ") for run in runs]
    axes = charts.axes(labels, most, step / 2, step)
    return charts.picture(axes + "".join(drawn), charts.CHART, title, _told(runs), name)


def sample(status: str) -> Markup:
    """The shape of a status beside its word."""
    how = 'viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"'
    return Markup(f"<svg {how}>{shape(status, 6, 6, 4)}</svg>")  # noqa: S704 - all of it is ours


def shape(status: str, x: float, y: float, r: float) -> str:
    """A dot, a cross, or a ring."""
    if status == "completed":
        return f'<circle class="is-good" cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
    if status == "error":
        arms = f"M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}"
        return f'<path class="is-bad" d="{arms}"/>'
    return f'<circle class="is-open" cx="{x:.1f}" cy="{y:.1f}" r="{r - 1}"/>'


def _seconds(run: scripted.Run) -> float:
    if run.duration is not None:
        return run.duration
    if run.status != "pending" or not run.started:
        return 0.0
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(run.started)).total_seconds())


def _told(runs: Sequence[scripted.Run]) -> str:
    if not runs:
        return t("chart.none")
    counted = {
        status: sum(run.status == status for run in runs)
        for status in ("completed", "error", "pending")
    }
    return t("script.chart_told", count=len(runs), **counted)
