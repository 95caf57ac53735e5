"""A weather report, read from a web page, with a warning where one is due.

Try it beside `make demo`, which serves such a page and tells its address:

    python -m runner try examples/weather.py --network --argument place=Oslo

Trigger: a clock, such as each morning; the script must be allowed the network.
Arguments: `url`, the page; `place`, only that one (all, if not given); `wind`, the km/h from which
it warns (60).
Out comes: output.txt, a sentence for each place, and weather.json with the values.

The page has a heading for each place and below it a list of terms and values (<dl>).
"""

import json
import re
import sys
from html.parser import HTMLParser
from urllib.error import URLError
from urllib.request import urlopen

from postroom_script import context, output

URL = "http://127.0.0.1:8090/weather.html"
#: A number with its unit; a page may write the minus as the character made for it.
VALUE = re.compile(r"([-\N{MINUS SIGN}]?\d+(?:[.,]\d+)?)\s*(°C|°F|mm|km/h|m/s|%)?")


class Places(HTMLParser):
    """What a page says of each place: its terms and their values."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, dict[str, str]] = {}
        self._open = ""
        self._place = self._term = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a heading, a term or a value; what was open ends, as HTML allows."""
        if tag in ("h2", "dt", "dd"):
            self._end()
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        """End what is open."""
        if tag in ("h2", "dt", "dd", "dl", "section"):
            self._end()

    def handle_data(self, data: str) -> None:
        """Text counts where something is open."""
        if self._open:
            self._text += data

    def _end(self) -> None:
        text = " ".join(self._text.split())
        if self._open == "h2":
            self._place = text
        elif self._open == "dt":
            self._term = text.lower()
        elif self._open == "dd" and self._place:
            self.places.setdefault(self._place, {})[self._term] = text
        self._open = self._text = ""


def fetch(url: str) -> str:
    """The text of a page."""
    try:
        with urlopen(url, timeout=30) as answer:
            charset = answer.headers.get_content_charset() or "utf-8"
            return answer.read().decode(charset, "replace")
    except (URLError, ValueError, TimeoutError) as e:
        sys.exit(f"{url}: cannot be read: {e}")


def number(told: dict[str, str], term: str) -> float | None:
    """The value of a term in °C, km/h, mm or %; None where the page gives none."""
    match = VALUE.search(told.get(term, ""))
    if not match:
        return None
    value = float(match[1].replace("\N{MINUS SIGN}", "-").replace(",", "."))
    if match[2] == "°F":
        value = (value - 32) / 1.8
    elif match[2] == "m/s":
        value *= 3.6
    return round(value, 1)


def report(place: str, now: dict[str, float | str | None], storm: float) -> str:
    """One sentence, and a warning where one is due."""
    facts = [str(now["sky"] or "")]
    for term, unit in (("temperature", " °C"), ("wind", " km/h wind"), ("rain", " mm rain")):
        if now[term] is not None:
            facts.append(f"{now[term]:g}{unit}")
    sentence = f"{place}: {', '.join(filter(None, facts)) or 'nothing is known'}."
    if isinstance(now["temperature"], float) and now["temperature"] <= 0:
        sentence += " FROST."
    if isinstance(now["wind"], float) and now["wind"] >= storm:
        sentence += " STORM."
    return sentence


url = context.arguments.get("url", URL)
pages = Places()
pages.feed(fetch(url))
pages.close()
only = context.arguments.get("place")
if only and only not in pages.places:
    sys.exit(f"{only}: not on the page, which has {', '.join(pages.places) or 'no place at all'}")
if not pages.places:
    sys.exit(f"{url}: there is no place with a list of values; was the page made anew?")

values = {}
for place, told in pages.places.items():
    if only in (None, place):
        values[place] = {
            "sky": told.get("sky"),
            **{term: number(told, term) for term in ("temperature", "wind", "rain")},
        }
        output(report(place, values[place], float(context.arguments.get("wind", 60))))
output.file("weather.json", json.dumps(values, ensure_ascii=False, indent=1))
