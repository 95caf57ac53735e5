"""A currency table out of a page, as CSV. It needs network = true and the argument `url`."""

import csv
import io
import urllib.request
from html.parser import HTMLParser

from postroom_script import context, output

LONGEST = 1 << 20


class Table(HTMLParser):
    """The rows of all tables of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data.strip()


def main() -> None:
    """The rates, sorted by their codes."""
    with urllib.request.urlopen(context.arguments.url, timeout=20) as answer:
        page = answer.read(LONGEST).decode("utf-8", "replace")
    table = Table()
    table.feed(page)
    head, *rows = [row for row in table.rows if len(row) == 2]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *sorted(rows)])
    output.file("rates.csv", text.getvalue())
    for code, rate in sorted(rows):
        output(f"{code} {float(rate):.4f}")
    print(len(rows), "rates")


main()
