"""A currency table, read from a web page.

Try it beside `make demo`, which serves such a page and tells its address:

    python -m runner try examples/currency.py --network

Trigger: a clock, such as once a day; the script must be allowed the network.
Arguments: `url`, the page; `codes`, the currencies to keep, as ["USD", "GBP"] (all, if not given).
Out comes: output.txt, a table to read, and currency.csv with code, name and rate.
"""

import csv
import io
import re
import sys
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from urllib.error import URLError
from urllib.request import urlopen

from postroom_script import context, output

URL = "http://127.0.0.1:8090/currency.html"
CODE = re.compile(r"[A-Z]{3}")


class Tables(HTMLParser):
    """The rows of all tables of a page; a cell is its text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell; the tags that end them may be missing, as HTML allows."""
        if tag in ("tr", "table"):
            self.rows.append([])
            self._in_cell = False
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag in ("td", "th", "tr", "table"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        """Text counts where a cell is open."""
        if self._in_cell:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())


def fetch(url: str) -> str:
    """The text of a page."""
    try:
        with urlopen(url, timeout=30) as answer:
            charset = answer.headers.get_content_charset() or "utf-8"
            return answer.read().decode(charset, "replace")
    except (URLError, ValueError, TimeoutError) as e:
        sys.exit(f"{url}: cannot be read: {e}")


def rates(page: str) -> dict[str, tuple[str, Decimal]]:
    """Name and rate by code, of each row that has a code and, somewhere after it, a number."""
    tables = Tables()
    tables.feed(page)
    tables.close()
    found = {}
    for row in tables.rows:
        code = next((cell for cell in row if CODE.fullmatch(cell)), "")
        numbers = [rate for cell in row if (rate := number(cell)) is not None]
        if code and numbers:
            name = next((cell for cell in row if cell != code and number(cell) is None), "")
            found[code] = (name, numbers[0])
    return found


def number(cell: str) -> Decimal | None:
    """1,234.5 and 1.234,5 alike: what comes last is the decimal point."""
    plain = cell.replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    if "," in plain and plain.rfind(",") > plain.rfind("."):
        plain = plain.replace(".", "").replace(",", ".")
    try:
        value = Decimal(plain.replace(",", ""))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


url = context.arguments.get("url", URL)
known = rates(fetch(url))
if not known:
    sys.exit(f"{url}: there is no table with codes and rates; was the page made anew?")
codes = context.arguments.get("codes") or list(known)
for code in codes:
    if code not in known:
        print(f"{code}: not on the page, which has {', '.join(known)}")

table = io.StringIO()
writer = csv.writer(table)
writer.writerow(["code", "name", "rate"])
for code in filter(known.__contains__, codes):
    name, rate = known[code]
    writer.writerow([code, name, rate])
    output(f"{code}  {rate:>12}  {name}")
output.file("currency.csv", table.getvalue())
