# /// script
# requires-python = ">=3.11"
# dependencies = ["openpyxl>=3.1"]
# ///
"""A table out of each new spreadsheet of a watched page: every sheet as CSV, its rows counted.

As a trigger: on_file = "PAGE", or "*" for any page.
"""

import csv
import io

from openpyxl import load_workbook
from postroom_script import context, output


def main() -> None:
    """Each sheet into a file of its own."""
    name = context.file.filename
    if not name.lower().endswith((".xlsx", ".xlsm")):
        print("no spreadsheet:", name)
        return
    # Only the values, and a row at a time: a sheet may be large.
    book = load_workbook(context.file.path, read_only=True, data_only=True)
    for sheet in book.worksheets:
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        count = 0
        for row in sheet.iter_rows(values_only=True):
            if any(value is not None for value in row):
                writer.writerow("" if value is None else value for value in row)
                count += 1
        output.file(f"{sheet.title}.csv".replace("/", "_"), table.getvalue())
        output(f"{name}: {sheet.title}: {count} rows")
    book.close()


main()
