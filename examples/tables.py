"""A table out of each new spreadsheet file: CSV of whatever kind, or .xlsx.

Try it on a file of your own:

    python -m runner try examples/tables.py --file FILE --output FOLDER

Trigger: each new file of a page. A file that is no spreadsheet is passed over, as the log says.
Arguments: `delimiter`, where the one that is guessed is wrong.
Out comes: for each sheet NAME.csv, always in UTF-8 with commas; output.txt, how large each is and
its first rows, to read.
"""

import csv
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from xml.etree import ElementTree

from postroom_script import context, output

FIRST = 10
TEXTS = (".csv", ".tsv", ".tab")
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"

Row = list[str]


# --- CSV


def read_text(content: bytes) -> str:
    """The text, in the charset that its bytes allow."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    for charset in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(charset)
        except UnicodeDecodeError:
            print(f"not in {charset}")
    return content.decode("latin-1")


def delimiter(text: str) -> str:
    """What stands between two cells; the comma comes last, as it is in numbers, too: 1,50."""
    sample = text[:65_536]
    for delimiters in (";\t|", ","):
        try:
            return csv.Sniffer().sniff(sample, delimiters).delimiter
        except csv.Error:
            continue
    return ","


def csv_rows(content: bytes) -> list[Row]:
    """All rows of a CSV file."""
    text = read_text(content)
    between = context.arguments.get("delimiter") or delimiter(text)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=between))


# --- .xlsx (ECMA-376, part 1, section 18); each namespace has two names, so none is asked for


class Book:
    """A workbook: its sheets by name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._strings = [_text(each) for each in self._all("xl/sharedStrings.xml", "{*}si")]
        self._dates = self._date_styles()
        (book,) = self._all("xl/workbook.xml", ".")
        told = book.find("{*}workbookPr")
        since_1904 = told is not None and told.get("date1904") in ("1", "true")
        self._epoch = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        parts = {
            each.get("Id"): each.get("Target", "")
            for each in self._all("xl/_rels/workbook.xml.rels", "{*}Relationship")
        }
        self.sheets = {
            each.get("name", ""): parts[each.get(RELATION) or each.get(STRICT_RELATION)]
            for each in book.iterfind("{*}sheets/{*}sheet")
        }

    def rows(self, target: str) -> Iterator[Row]:
        """The rows of a sheet, one after another, as a sheet may be large."""
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        with self._archive.open(path) as file:
            for _, element in ElementTree.iterparse(file):
                if element.tag.endswith("}row"):
                    yield self._row(element)
                    element.clear()

    def _row(self, element: ElementTree.Element) -> Row:
        row: Row = []
        for cell in element.iterfind("{*}c"):
            column = _column(cell.get("r", ""), len(row))
            row += [""] * (column - len(row))
            row.append(self._value(cell))
        return row

    def _value(self, cell: ElementTree.Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return "".join(_text(each) for each in cell.iterfind("{*}is"))
        value = cell.findtext("{*}v") or ""
        if kind == "s":
            return self._strings[int(value)] if value else ""
        if kind == "b":
            return "true" if value == "1" else "false"
        if kind != "n" or not value:
            return value
        if int(cell.get("s", 0)) in self._dates:
            return self._date(float(value))
        return _number(float(value))

    def _date(self, days: float) -> str:
        moment = self._epoch + timedelta(seconds=round(days * 86_400))
        return str(moment.date()) if moment.time().isoformat() == "00:00:00" else str(moment)

    def _date_styles(self) -> set[int]:
        """The numbers of the styles that show a number as a date."""
        formats = {
            # Neither text in quotes nor [colours] make a date.
            each.get("numFmtId"): re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", each.get("formatCode", ""))
            for each in self._all("xl/styles.xml", "{*}numFmts/{*}numFmt")
        }
        dates = {str(number) for number in (*range(14, 23), *range(45, 48))}
        dates |= {key for key, code in formats.items() if re.search("[ymdhs]", code, re.IGNORECASE)}
        styles = self._all("xl/styles.xml", "{*}cellXfs/{*}xf")
        return {n for n, each in enumerate(styles) if each.get("numFmtId") in dates}

    def _all(self, part: str, path: str) -> list[ElementTree.Element]:
        """The elements of a part; a part that is not there has none."""
        try:
            return ElementTree.fromstring(self._archive.read(part)).findall(path)
        except KeyError:
            return []


def _text(element: ElementTree.Element) -> str:
    """All text in it, but not how it is pronounced."""
    return "".join(
        each.text or "" for path in ("{*}t", "{*}r/{*}t") for each in element.iterfind(path)
    )


def _column(reference: str, following: int) -> int:
    """The column of a cell such as AB7, from 0; without a reference it follows the one before."""
    number = 0
    for letter in reference.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    # A sheet has 16,384 columns; what says more would only fill the memory.
    return min(number, 16_384) - 1 if number else following


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


# --- both


def sheets(name: str, content: bytes) -> Iterator[tuple[str, list[Row]]]:
    """Name and rows of each sheet; nothing for what is no spreadsheet."""
    stem = PurePosixPath(name).stem
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if "xl/workbook.xml" in archive.namelist():
                book = Book(archive)
                for sheet, target in book.sheets.items():
                    yield f"{stem}-{sheet}", list(book.rows(target))
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        sys.exit(f"{name}: an old or an encrypted workbook; save it as .xlsx")
    elif name.lower().endswith(TEXTS) or context.file.type in ("text/csv", "application/csv"):
        yield stem, csv_rows(content)


def tidy(rows: list[Row]) -> list[Row]:
    """All rows equally long, without what is empty at the end."""
    filled = [n for n, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    rows = rows[: filled[-1]] if filled else []
    width = max((n for row in rows for n, cell in enumerate(row, 1) if cell.strip()), default=0)
    return [[*row[:width], *[""] * (width - len(row))] for row in rows]


def show(name: str, rows: list[Row]) -> None:
    """The table's size and its first rows into the output."""
    if not rows:
        output(f"{name}: empty")
        return
    output(f"{name}: {len(rows)} rows, {len(rows[0])} columns")
    first = [[" ".join(cell.split())[:30] for cell in row] for row in rows[:FIRST]]
    widths = [max(map(len, column)) for column in zip(*first, strict=True)]
    for row in first:
        output("  " + "  ".join(map(str.ljust, row, widths)).rstrip())
    if len(rows) > FIRST:
        output(f"  and {len(rows) - FIRST} more")


file = context.file
count = 0
for sheet, found in sheets(file.filename, file.read()):
    count += 1
    rows = tidy(found)
    show(sheet, rows)
    if rows:
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows(rows)
        output.file(re.sub(r"[^\w. -]", "_", sheet).lstrip(".") + ".csv", table.getvalue())
if not count:
    print(f"{file.filename}: no spreadsheet")
