"""Charts are SVG that screen readers can tell, with nothing of what is not ours in them."""

from xml.etree import ElementTree as ET

from api.web import charts

NS = {"s": "http://www.w3.org/2000/svg"}


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - what we drew ourselves


def test_a_sparkline_says_in_words_what_it_shows():
    drawn = parsed(charts.sparkline([0, 5, 10], "Mails of the day", "day"))

    assert drawn.attrib["aria-labelledby"] == "day-title day-desc"
    assert [drawn[0].text, drawn[1].text] == [
        "Mails of the day",
        "3 values from 0 to 10, the last one 10",
    ]
    assert drawn[2].attrib["points"] == "0,23 60,12 120,1"


def test_no_values_are_no_line():
    drawn = parsed(charts.sparkline([], "Nothing", "none"))

    assert [each.tag for each in drawn] == ["title", "desc"]
    assert drawn[1].text == "no values"


def test_bars_have_a_name_each_and_axes_with_labels():
    drawn = parsed(charts.bars([("Mon", 3), ("Tue", 7)], "A week", "week"))

    assert [bar[0].text for bar in drawn.findall("rect")] == ["Mon: 3", "Tue: 7"]
    assert [label.text for label in drawn.findall("text")] == ["0", "10", "Mon", "Tue"]


def test_lines_are_told_apart_without_colours():
    drawn = parsed(charts.lines(["a", "b"], {"in": [1, 2], "out": [2, 1]}, "Both", "both"))

    assert [line.attrib["class"] for line in drawn.findall("polyline")] == [
        "line series-1",
        "line series-2",
    ]
    assert "in: 2 values" in (drawn[1].text or "")


def test_labels_and_titles_are_escaped_and_nothing_has_a_style():
    drawn = charts.bars([("<script>", 1)], '"><script>', 'x" onload="y')

    parsed(drawn)
    assert "<script" not in drawn
    assert 'onload="' not in drawn
    assert "style" not in drawn


def test_one_value_and_no_values_at_all_are_drawn():
    for drawn in (charts.lines([], {}, "", "a"), charts.bars([], "", "b"),
                  charts.lines(["a"], {"x": [0.04]}, "", "c")):  # fmt: skip
        assert parsed(drawn).tag == "svg"
