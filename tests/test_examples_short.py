"""The shorter scripts in examples/, as they stand there."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.demo.site import Site
from runner import desk
from tests.scripts import Runs, text

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SHEET = """<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c><c r="B1" t="inlineStr"><is><t>price</t>
</is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>nut, hex</t></is></c><c r="B2"><v>3</v>
</c></row></sheetData></worksheet>"""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/sheet.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>",
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Parts" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="sheet.xml"/></Relationships>',
    "xl/sheet.xml": SHEET,
}


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    return Runs(tmp_path, isolation="none")


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site().start()
    yield site
    site.stop()


def source(name: str) -> str:
    return (EXAMPLES / f"{name}.py").read_text()


def test_rates_are_read_from_the_demo_s_page(run, site):
    ended = run(source("rates"), network=True, arguments={"url": f"{site.url}rates.html"})

    assert text(ended) == "CHF 0.9415\nJPY 161.3000\nUSD 1.0842\n"
    (table,) = ended.artefacts
    assert table.name == "rates.csv"
    assert table.read_text() == "currency,rate\nCHF,0.9415\nJPY,161.3\nUSD,1.0842\n"


def test_each_sheet_becomes_a_table(run, tmp_path):
    book = tmp_path / "parts.xlsx"
    with zipfile.ZipFile(book, "w") as file:
        for name, content in PARTS.items():
            file.writestr(name, content)

    ended = run(source("spreadsheets"), file=desk.file(book))

    if "uv could not prepare" in ended.error:
        pytest.skip(f"no package index here: {ended.error}")
    assert ended.status == "completed", ended.error
    assert text(ended) == "parts.xlsx: Parts: 2 rows\n"
    (table,) = ended.artefacts
    assert (table.name, table.read_text()) == ("Parts.csv", 'name,price\n"nut, hex",3\n')
