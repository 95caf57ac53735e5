"""What a document's bytes say in letters: its charset by mark, header, meta element or guess."""

import re

import cchardet
from bs4.dammit import EncodingDetector

#: What a name means is what browsers have agreed on, which is more than its standard has.
_MEANT = {
    "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-1": "cp1252", "latin-1": "cp1252",
    "latin1": "cp1252", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "iso-8859-9": "cp1254", "tis-620": "cp874",
    "big5": "big5hkscs", "x-user-defined": "cp1252", "utf8": "utf-8", "unicode": "utf-16-le",
}  # fmt: skip
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_NAMED = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_SAMPLE = 65_536


def decoded(body: bytes, type_: str) -> tuple[str, str]:
    """The text, and the codec that gave it: the first that fits without an error."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace"), codec
    for name in _told(body, type_):
        codec = _MEANT.get(name.lower(), name)
        try:
            return body.decode(codec), codec
        except (LookupError, UnicodeError, ValueError):
            continue
    guess = cchardet.detect(body[:_SAMPLE])["encoding"] or "cp1252"
    codec = _MEANT.get(guess.lower(), guess)
    try:
        return body.decode(codec, "replace"), codec
    except LookupError:
        return body.decode("cp1252", "replace"), "cp1252"


def _told(body: bytes, type_: str) -> list[str]:
    header = _NAMED.search(type_)
    declared = EncodingDetector.find_declared_encoding(body, is_html=True)
    names = [header[1] if header else "", declared or "", *_sixteen(body), "utf-8"]
    # A document whose meta element can be read as ASCII is no UTF-16, whatever it says there.
    return [name for name in names if name and not (name == declared and "16" in name)]


def _sixteen(body: bytes) -> list[str]:
    """UTF-16 without a mark: ASCII with a NUL in every other byte."""
    head = body[:64]
    if len(head) > 4 and not any(head[1::2]) and all(head[0::2][:-1]):
        return ["utf-16-le"]
    if len(head) > 4 and not any(head[0::2]) and all(head[1::2][:-1]):
        return ["utf-16-be"]
    return []
