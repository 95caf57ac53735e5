"""The examples for pages and spreadsheets, as the runner runs them; what each says of itself."""

import csv
import io
import json
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from postroom.demo.site import HOST, PORT, Site
from runner import desk
from tests.documents import ROOT
from tests.scripts import Runs, artefacts, run_example, text

EXAMPLES = ["currency", "invoices", "tables", "weather"]


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path, isolation="none")


@pytest.fixture(scope="module")
def site():
    site = Site().start()
    yield site
    site.stop()


@pytest.fixture
def serve():
    """Serve the bytes of a page; its address."""
    servers = []

    def served(page, kind="text/html; charset=utf-8"):
        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield served
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def example(runs):
    return partial(run_example, runs)


# --- pages


def test_the_currency_table_of_the_demo(example, runs, site):
    ended = example(
        "currency", network=True,
        arguments={"url": f"{site.url}currency.html", "codes": ["ISK", "XXX", "USD"]},
    )  # fmt: skip

    assert ended.status == "completed", ended.error
    assert artefacts(ended) == {
        "currency.csv": "code,name,rate\nISK,Icelandic króna,149.90\nUSD,US dollar,1.0842\n"
    }
    assert "XXX: not on the page, which has USD, GBP" in runs.printed


@pytest.mark.parametrize("name", ["currency", "weather"])
def test_the_usual_address_is_that_of_the_demo(name):
    source = (ROOT / f"examples/{name}.py").read_text("utf-8")

    assert f'\nURL = "http://{HOST}:{PORT}/{name}.html"\n' in source
    assert f"on port {PORT};" in (ROOT / "docs/scripts.md").read_text("utf-8")


def test_a_currency_table_of_another_make(example, serve):
    page = (
        "<table><tr><td>Währung</td></tr></table><table><thead><tr><th>Kürzel<th>Kurs</thead>"
        "<tr><td> <b>IDR</b> </td><td>17.012,5</td></tr><tr><td>SEK<td>11,28<tr><td>EUR<td>n/a"
    )
    url = serve(page.encode("cp1252"), "text/html; charset=windows-1252")

    ended = example("currency", network=True, arguments={"url": url})

    assert artefacts(ended) == {"currency.csv": "code,name,rate\nIDR,,17012.5\nSEK,,11.28\n"}


def test_the_weather_report_of_the_demo(example, site):
    ended = example("weather", network=True, arguments={"url": f"{site.url}weather.html"})

    assert text(ended) == (
        "Oslo: snow, -4 °C, 12 km/h wind, 3.5 mm rain. FROST.\n"
        "Porto: sunny, 21 °C, 18 km/h wind, 0 mm rain.\n"
        "Tórshavn: gale, 7 °C, 88 km/h wind, 14 mm rain. STORM.\n"
    )
    values = json.loads(artefacts(ended)["weather.json"])
    assert values["Porto"] == {"sky": "sunny", "temperature": 21, "wind": 18, "rain": 0}


def test_weather_in_other_units_and_with_gaps(example, serve):
    url = serve(
        b"<h2>Bend</h2><dl><dt>Temperature<dd>14 &deg;F<dt>Wind<dd>20 m/s</dl><h2>Void</h2>"
        b"<dl><dt>Rain<dd>-</dl>"
    )

    ended = example("weather", network=True, arguments={"url": url, "wind": 80})

    assert text(ended) == "Bend: -10 °C, 72 km/h wind. FROST.\nVoid: nothing is known.\n"


@pytest.mark.parametrize("name", ["currency", "weather"])
def test_a_page_without_values_is_an_error_that_says_so(example, serve, name):
    ended = example(name, network=True, arguments={"url": serve(b"<p>moved</p>")})

    assert ended.status == "error"
    assert "was the page made anew?" in ended.error


@pytest.mark.parametrize("name", ["currency", "weather"])
def test_a_server_that_is_away_is_an_error_that_says_so(example, free_port, name):
    url = f"http://127.0.0.1:{free_port}/"

    ended = example(name, network=True, arguments={"url": url})

    assert f"{url}: cannot be read" in ended.error
    assert "Traceback" not in ended.error


def test_a_weather_page_without_the_place_says_which_it_has(example, site):
    arguments = {"url": f"{site.url}weather.html", "place": "Rome"}

    ended = example("weather", network=True, arguments=arguments)

    assert "Rome: not on the page, which has Oslo, Porto, Tórshavn" in ended.error


# --- spreadsheets


@pytest.fixture
def table(example, tmp_path):
    """What comes of a file: the output, and all tables by name."""

    def read(name, content, **arguments):
        path = tmp_path / name
        path.write_bytes(content)
        ended = example("tables", file=desk.file(path), arguments=arguments)
        assert ended.status == "completed", ended.error
        return text(ended), artefacts(ended)

    return read


@pytest.mark.parametrize(
    ("written", "charset"),
    [
        ("name;price\nMüller;1,50\nŠtěpán;2,00\n", "utf-8-sig"),
        ("name;price\r\nMüller;1,50\r\nŽofia;2,00\r\n", "cp1252"),
        ("Müller;1,50\nStepan;2,00\n", "cp1252"),
        ("name\tprice\nMüller\t1,50\n", "utf-16"),
        ("Müller|1,50\nb|2,00\n", "utf-8"),
        ('name,price\n"Müller, K.",1.50\nb,2.00\n', "utf-8"),
    ],
)
def test_a_csv_of_any_kind_becomes_one_of_one_kind(table, written, charset):
    told, tables = table("prices.csv", written.encode(charset))

    rows = [*csv.reader(io.StringIO(tables["prices.csv"]))]
    assert len(rows) == len(written.splitlines())
    assert {len(row) for row in rows} == {2}
    assert "Müller" in tables["prices.csv"]
    assert told.startswith(f"prices: {len(rows)} rows, 2 columns\n")


def test_one_column_rows_of_unequal_length_and_empty_ends(table):
    assert table("a.csv", b"one\ntwo\n")[1] == {"a.csv": "one\ntwo\n"}
    ragged = table("b.csv", b"a;b;;\n1;2\n3\n;;;\n", delimiter=";")[1]
    assert ragged == {"b.csv": "a,b\n1,2\n3,\n"}


def test_an_empty_file_makes_no_table(table):
    assert table("a.csv", b"") == ("a: empty\n", {})


def test_a_long_table_shows_its_first_rows(table):
    told, tables = table("a.csv", b"".join(b"%d,x\n" % n for n in range(25)))

    assert told.count("\n") == 12
    assert told.endswith("  9  x\n  and 15 more\n")
    assert tables["a.csv"].count("\n") == 25


def workbook(sheets, shared="", book=""):
    """A workbook as Excel writes it, without what nobody reads."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1)
    )
    targets = "".join(
        f'<Relationship Id="rId{n}" Target="{"/xl/" if n == 1 else ""}worksheets/s{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    parts = {
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}">{book}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="r">{targets}</Relationships>',
        "xl/styles.xml": f"<styleSheet {main}><numFmts>"
        '<numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>'
        '<numFmt numFmtId="165" formatCode="0.0 &quot;days&quot;"/></numFmts><cellXfs>'
        '<xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/><xf numFmtId="165"/>'
        "</cellXfs></styleSheet>",
    }
    if shared:
        parts["xl/sharedStrings.xml"] = f"<sst {main}>{shared}</sst>"
    for n, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/s{n}.xml"] = (
            f"<worksheet {main}><sheetData>{rows}</sheetData></worksheet>"
        )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_each_sheet_of_a_workbook_becomes_a_table(table):
    cells = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row><row r="2"/>'
        '<row r="3"><c r="A3"><v>0.10000000000000001</v></c><c r="B3" t="b"><v>1</v></c>'
        '<c r="C3" s="1"><v>46082</v></c><c r="D3" s="2"><v>46082.5</v></c>'
        '<c r="E3" s="3"><v>7</v></c>'
        '<c r="F3" t="inlineStr"><is><t>in, line</t></is></c><c r="G3" t="e"><v>#N/A</v></c>'
        '<c r="AA3" t="str"><v>far</v></c></row><row r="4"><c r="A4" s="1"/></row>'
    )
    shared = "<si><t>Größe</t></si><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>x</t></rPh></si>"

    told, tables = table("Book.xlsx", workbook({"One/Two": cells, "Empty": ""}, shared))

    far = "," * 20
    assert tables == {
        "Book-One_Two.csv": f"Größe,,rich{',' * 24}\n{',' * 26}\n"
        f'0.1,true,2026-03-01,2026-03-01 12:00:00,7,"in, line",#N/A{far}far\n'
    }
    assert told.startswith("Book-One/Two: 3 rows, 27 columns\n")
    assert told.endswith("Book-Empty: empty\n")


def test_dates_of_a_workbook_that_counts_from_1904(table):
    row = '<row><c s="1"><v>1</v></c><c><v>2</v></c></row>'

    _, tables = table("b.xlsx", workbook({"S": row}, book='<workbookPr date1904="1"/>'))

    assert tables == {"b-S.csv": "1904-01-02,2\n"}


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_spreadsheet_is_passed_over(table, runs, content):
    assert table("report.pdf", content) == ("", {})
    assert runs.printed == "report.pdf: no spreadsheet\n"


def test_an_old_workbook_is_an_error_that_says_what_to_do(example, tmp_path):
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500))

    ended = example("tables", file=desk.file(tmp_path / "old.xls"))

    assert "save it as .xlsx" in ended.error


# --- all


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_says_how_to_try_it(name):
    source = (ROOT / f"examples/{name}.py").read_text("utf-8")

    assert f"python -m runner try examples/{name}.py --" in source
    assert "\nTrigger: " in source
    assert "\nOut comes: " in source
    assert f"`examples/{name}.py`" in (ROOT / "docs/scripts.md").read_text("utf-8")
