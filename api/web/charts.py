"""Charts as SVG, drawn here: no script, and words for those who do not see them."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from .strings import t

#: Of a sparkline, and of a chart, in units of the picture.
SPARK_WIDTH, SPARK_HEIGHT = 120, 24
WIDTH, HEIGHT = 640, 200
#: Room for the labels of the axes.
LEFT, BELOW, ABOVE = 48, 24, 10


def sparkline(values: Sequence[float], title: str, name: str) -> Markup:
    """A small line without axes; `name` is an id that the page has nowhere else."""
    points = _points(values, SPARK_WIDTH, SPARK_HEIGHT - 2, max([*values, 0.0]), 0, 1)
    return picture(
        f'<polyline class="line" points="{points}"/>' if values else "",
        f'viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" class="spark"',
        title,
        _told(values),
        name,
    )


def bars(series: Sequence[tuple[str, float]], title: str, name: str) -> Markup:
    """A bar for each labelled value."""
    most = round_up(max((value for _, value in series), default=0.0))
    step = (WIDTH - LEFT) / max(1, len(series))
    inside = HEIGHT - BELOW - ABOVE
    drawn = []
    for number, (label, value) in enumerate(series):
        height = inside * max(0.0, value) / most
        drawn.append(
            f'<rect class="bar" x="{_n(LEFT + number * step + step * 0.1)}" '
            f'y="{_n(HEIGHT - BELOW - height)}" width="{_n(step * 0.8)}" height="{_n(height)}">'
            f"<title>{escape(label)}: {escape(_n(value))}</title></rect>"
        )
    drawn_axes = axes([label for label, _ in series], most, step / 2, step)
    told = _told([value for _, value in series])
    return picture(drawn_axes + "".join(drawn), CHART, title, told, name)


def lines(
    labels: Sequence[str], series: Mapping[str, Sequence[float]], title: str, name: str
) -> Markup:
    """A line for each series over the same labels; told apart by dashes as well as by colours."""
    most = round_up(max((max(values, default=0.0) for values in series.values()), default=0.0))
    drawn, told = [], []
    for number, (label, values) in enumerate(series.items(), 1):
        points = _points(values, WIDTH - LEFT, HEIGHT - BELOW - ABOVE, most, LEFT, ABOVE)
        drawn.append(
            f'<polyline class="line series-{number}" points="{points}">'
            f"<title>{escape(label)}</title></polyline>"
        )
        told.append(f"{label}: {_told(values)}")
    step = (WIDTH - LEFT) / max(1, len(labels) - 1)
    drawn_axes = axes(labels, most, 0, step)
    return picture(drawn_axes + "".join(drawn), CHART, title, "; ".join(told), name)


CHART = f'viewBox="0 0 {WIDTH} {HEIGHT}" class="chart"'


def picture(inside: str, how: str, title: str, told: str, name: str) -> Markup:
    """What was drawn as one picture with a name and a description; `inside` is escaped already."""
    name = str(escape(name))
    return Markup(  # noqa: S704 - all that is not ours was escaped
        f'<svg {how} role="img" aria-labelledby="{name}-title {name}-desc" focusable="false">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(told)}</desc>{inside}</svg>'
    )


def axes(labels: Sequence[str], most: float, first: float, step: float) -> str:
    """The axes with three labels below; the first stands at `first` right of the corner."""
    bottom = HEIGHT - BELOW
    found = [f'<path class="axis" d="M{LEFT} {ABOVE}V{bottom}H{WIDTH}"/>']
    for value, y in ((0.0, bottom), (most, ABOVE)):
        found.append(
            f'<text class="label end" x="{LEFT - 6}" y="{y + 4}">{escape(_n(value))}</text>'
        )
    # The first, the middle and the last: more would run into each other.
    places = {0: "start", len(labels) // 2: "middle", len(labels) - 1: "end"}
    for number, how in places.items():
        if labels:
            x = LEFT + first + number * step
            found.append(
                f'<text class="label {how}" x="{_n(x)}" y="{HEIGHT - 6}">'
                f"{escape(labels[number])}</text>"
            )
    return "".join(found)


def _points(
    values: Sequence[float], width: float, height: float, most: float, left: float, above: float
) -> str:
    step = width / max(1, len(values) - 1)
    return " ".join(
        f"{_n(left + number * step)},{_n(above + height * (1 - value / (most or 1.0)))}"
        for number, value in enumerate(values)
    )


def round_up(value: float) -> float:
    """A round number that is not below."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= value)


def _told(values: Sequence[float]) -> str:
    if not values:
        return t("chart.none")
    numbers = {"low": min(values), "high": max(values), "last": values[-1]}
    shown = {name: _n(value) for name, value in numbers.items()}
    return t("chart.points", count=len(values), **shown)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
