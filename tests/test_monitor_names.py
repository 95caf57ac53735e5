"""Names from elsewhere never become paths, devices or tricks, and stay what people know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.names import LONGEST, from_disposition, name_of, object_key, safe
from postroom.storage.keys import check_key

SHA256 = "a" * 64

#: Forty names that somebody may try, and what they become.
NAMES = {
    "report.pdf": "report.pdf",
    "Bericht über 2026.pdf": "Bericht über 2026.pdf",
    "отчёт.pdf": "отчёт.pdf",
    "e\u0301te\u0301.pdf": "été.pdf",
    "../../etc/passwd": "passwd",
    "..": "",
    ".": "",
    "/": "",
    "": "",
    "...": "",
    "../..": "",
    "/etc/passwd": "passwd",
    "C:\\Users\\a\\b.doc": "b.doc",
    "\\\\server\\share\\x.pdf": "x.pdf",
    "a/b/": "b",
    "..\\..\\x": "x",
    "a\x00.pdf": "a_.pdf",
    "a\r\nb.pdf": "a__b.pdf",
    "a\u202efdp.exe": "a_fdp.exe",
    "a\u200bb.pdf": "a_b.pdf",
    "\ud800.pdf": "_.pdf",
    "CON": "_CON",
    "con.txt": "_con.txt",
    "NUL.tar.gz": "_NUL.tar.gz",
    "com1": "_com1",
    "LPT9.pdf": "_LPT9.pdf",
    "COM¹.x": "_COM¹.x",
    "aux .txt": "_aux .txt",
    "console.txt": "console.txt",
    "a:b.pdf": "a_b.pdf",
    'a<b>"c|d?e*.pdf': "a_b__c_d_e_.pdf",
    "name. . .": "name",
    "  a  b .pdf ": "a b .pdf",
    ".htaccess": "htaccess",
    "-rf": "-rf",
    "~root": "~root",
    "1234_.._.._1234.txt": "1234_.._.._1234.txt",
    "%2e%2e%2fx": "%2e%2e%2fx",
    "a" * 300 + ".pdf": "a" * 146 + ".pdf",
    "é" * 100 + ".tar.gz": "é" * 73 + ".gz",
    "x." + "b" * 300: "x." + "b" * 148,
    "😀" * 50: "😀" * 37,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_made_safe(name):
    assert safe(name) == NAMES[name]


@given(st.text() | st.text(alphabet="./\\:\x00con. \u202e%é", max_size=300))
def test_every_name_makes_a_key_of_four_parts_and_stays_as_it_is(name):
    key = object_key(name, SHA256, name)

    check_key(key)
    assert key.count("/") == 3
    assert safe(safe(name)) == safe(name)
    assert len(safe(name).encode()) <= LONGEST


def test_a_key_has_page_version_and_name():
    assert object_key("reports", SHA256, "a.pdf") == f"pages/reports/{SHA256}/a.pdf"
    assert object_key("..", SHA256, "../../x") == f"pages/page/{SHA256}/x"
    assert object_key("a\\b", SHA256, "..") == f"pages/b/{SHA256}/index"


# --- Content-Disposition (RFC 6266), as servers write it

DISPOSITIONS = {
    'attachment; filename="a b.pdf"': "a b.pdf",
    "attachment; filename=a.pdf": "a.pdf",
    "attachment;filename=a b.pdf ; size=3": "a b.pdf",
    'ATTACHMENT; FILENAME="a.pdf"': "a.pdf",
    'attachment; filename="a \\"b\\".pdf"': 'a "b".pdf',
    'attachment; filename="a;b.pdf"; x=1': "a;b.pdf",
    "attachment; filename=plain.pdf; filename*=UTF-8''%C3%A9t%C3%A9.pdf": "été.pdf",
    "attachment; filename*=utf-8'de'%e2%82%ac.pdf; filename=x.pdf": "€.pdf",
    "attachment; filename*=ISO-8859-1''%e9.pdf": "é.pdf",
    "attachment; filename*=\"UTF-8''a%20b.pdf\"": "a b.pdf",
    "attachment; filename*=no-such''a%20b.pdf": "a b.pdf",
    "attachment; filename*=UTF-8''%ff.pdf; filename=x.pdf": "\ufffd.pdf",
    "attachment; filename*=broken; filename=x.pdf": "x.pdf",
    "attachment; filename*=; filename=x.pdf": "x.pdf",
    'attachment; filename="Ã©tÃ©.pdf"': "été.pdf",
    'attachment; filename="\xe9t\xe9.pdf"': "été.pdf",
    'attachment; filename="=?utf-8?B?w6l0w6kucGRm?="': "été.pdf",
    "attachment; filename=%C3%A9t%C3%A9.pdf": "été.pdf",
    "filename=a.pdf": "a.pdf",
    'inline; filename="never ends.pdf': "never ends.pdf",
    "attachment; filename=": "",
    'attachment; filename=""': "",
    "attachment": "",
    "": "",
    ";;;===\x00": "",
    'attachment; filename="first.pdf"; filename="second.pdf"': "first.pdf",
    'attachment; name="filename=x.pdf"; filename=y.pdf': "y.pdf",
}


@pytest.mark.parametrize("header", DISPOSITIONS)
def test_a_disposition_tells_a_name(header):
    assert from_disposition(header) == DISPOSITIONS[header]


@given(st.text(), st.lists(st.text(), max_size=3), st.text())
def test_every_download_has_a_name(header, urls, type_):
    name = name_of(header, tuple(urls), type_)

    assert name
    assert "/" not in name


def test_without_a_name_it_is_index_by_its_type():
    assert (
        name_of("", ("http://example.org/", "http://example.org/?x=1"), "text/csv; x=1")
        == "index.csv"
    )
    assert name_of("attachment; filename=..", ("http://example.org/a%2fb.pdf",), "") == "b.pdf"
    assert name_of("", (), "no/such") == "index"
