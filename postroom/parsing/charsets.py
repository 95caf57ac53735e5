"""Bytes to text when the charset is declared, wrongly declared or not declared at all."""

import codecs
import re
from functools import lru_cache

import cchardet

#: Bytes that the detector looks at, from the first that is not ASCII.
DETECTED_BYTES = 16_384
#: Fewer bytes beyond ASCII than this tell the detector nothing.
DETECTED_LEAST = 4
#: Times that the detector, which takes milliseconds, is asked in one mail.
MAX_DETECTIONS = 8
#: Letters beyond ASCII that must be sound for each broken one.
SOUND_PER_BROKEN = 2

_ASCII = bytes(range(128))
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_NUMBERED = re.compile(r"(?:x-)?(?:windows|win|cp|ibm|dos|msdos|ansi)[-_ ]?(125\d|[78]\d\d|9\d\d)$")
_ISO = re.compile(r"(?:x-)?iso[-_ ]?8859[-_ ]?(\d{1,2})(?:[-_][ei])?(?::\d{4})?$")

#: Supersets that senders really use when they declare the name on the left.
_REALLY = {
    "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "gb_2312-80": "gb18030",
    "x-gbk": "gb18030", "gb2312-80": "gb18030", "gb2312_charset": "gb18030", "euc-cn": "gb18030",
    "iso8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "l1": "cp1252",
    "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "ksc5601": "cp949", "ksc_5601": "cp949",
    "ks_c_5601-1989": "cp949", "euc-kr": "cp949", "euckr": "cp949", "korean": "cp949",
    "5601": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "x-ms-cp932": "cp932", "windows-31j": "cp932",
    "big5": "big5hkscs", "big-5": "big5hkscs", "cn-big5": "big5hkscs", "x-x-big5": "big5hkscs",
    "iso-2022-jp": "iso2022_jp_ext", "iso-2022-jp-1": "iso2022_jp_ext",
    "hz-gb-2312": "hz", "cn-gb": "gb18030",
    "unicode-1-1-utf-7": "utf-7", "x-utf-7": "utf-7", "unicode-1-1-utf-8": "utf-8",
    "x-unicode-2-0-utf-7": "utf-7", "utf": "utf-8", "utf-8-mac": "utf-8", "utf-8n": "utf-8",
    "unicode": "utf-16", "ucs-2": "utf-16",
    "macintosh": "mac_roman", "x-mac-roman": "mac_roman", "x-mac-ce": "mac_latin2",
    "x-mac-cyrillic": "mac_cyrillic", "x-mac-greek": "mac_greek", "x-mac-turkish": "mac_turkish",
    "x-mac-icelandic": "mac_iceland", "koi8r": "koi8-r", "koi8u": "koi8-u", "koi": "koi8-r",
    "koi8-ru": "koi8-u", "armscii-8": "", "x-user-defined": "", "user-defined": "",
}  # fmt: skip
#: Python codecs that are text encodings by name but turn letters into other things.
_NO_CHARSETS = frozenset(
    {"unicode-escape", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "idna",
     "punycode", "undefined", "mbcs", "oem"}
)  # fmt: skip
#: In these a text of ASCII bytes alone may mean other letters.
_NOT_ASCII = ("utf-7", "utf-16", "utf-32", "iso2022", "hz", "cp037", "cp500", "cp1026", "cp1140")


@lru_cache(maxsize=256)
def codec_of(charset: str) -> str:
    """Return Python's name of the charset that is meant, "" for one that is unknown."""
    name = charset.strip(" \t\"'<>;,").lower()
    if match := _NUMBERED.match(name):
        name = f"cp{match[1]}"
    elif match := _ISO.match(name):
        name = f"iso8859-{match[1]}"
    name = _REALLY.get(name, _REALLY.get(name.replace("_", "-"), name))
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    plain = info._is_text_encoding and info.name not in _NO_CHARSETS
    return info.name if plain else ""


def clean(text: str) -> str:
    """Replace NUL and lone surrogates, which neither UTF-8 nor databases can hold."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Decoder:
    """Decodes all texts of one mail; what one of them showed helps with the next."""

    def __init__(self, defects: set[str], hint: str = "") -> None:
        self.defects = defects
        #: Codecs to try where nothing sound is declared: another part's, the last detected.
        self._likely = [codec_of(hint)] if hint else []
        self._detections = MAX_DETECTIONS

    def decode(self, data: bytes, charset: str, hint: str = "") -> str:
        """Decode by the declared charset, else UTF-8, else what is likely, else a guess."""
        codec = codec_of(charset) if charset else ""
        if codec in {"", "ascii", "utf-8", "cp1252"}:
            codec = _betrayed(data) or codec
        if data.isascii() and not codec.startswith(_NOT_ASCII):
            return data.decode("ascii").replace("\0", "\ufffd")
        return clean(self._declared(data, codec) or self._guessed(data, codec, hint))

    def _declared(self, data: bytes, codec: str) -> str | None:
        for candidate in (codec if codec != "ascii" else "", "utf-8"):
            text = _strictly(data, candidate)
            if text is not None:
                if codec and candidate != codec:
                    self.defects.add("wrong_charset")
                return text
        return None

    def _guessed(self, data: bytes, codec: str, hint: str) -> str:
        """Bear a few broken characters in what was declared or in UTF-8, else find another."""
        self.defects.add("wrong_charset")
        for candidate in (codec if codec != "ascii" else "", "utf-8"):
            repaired = data.decode(candidate, "replace") if candidate else ""
            if repaired and _is_mostly_sound(repaired):
                return repaired
        for candidate in (codec_of(hint) if hint else "", *self._likely, self._detected(data)):
            text = _strictly(data, candidate)
            if text is not None:
                return text
        return data.decode("cp1252", "replace")

    def _detected(self, data: bytes) -> str:
        beyond = _BEYOND_ASCII.search(data)
        start = max(beyond.start() - 64, 0) if beyond else 0
        sample = data[start : start + DETECTED_BYTES]
        if len(sample.translate(None, _ASCII)) < DETECTED_LEAST or not self._detections:
            return ""
        self._detections -= 1
        codec = codec_of(cchardet.detect(sample)["encoding"] or "")
        if codec:
            self._likely.append(codec)
        return codec


def _betrayed(data: bytes) -> str:
    """Return the codec that escape sequences or the places of NULs betray, "" for none."""
    if b"\x1b$" in data:
        return "iso2022_kr" if b"\x1b$)C" in data else "iso2022_jp_ext"
    if b"\0" not in data:
        return ""
    half = len(data) // 2
    even, odd = data[0::2].count(0), data[1::2].count(0)
    if half < 4 or min(even, odd) * 10 > half or max(even, odd) * 2 < half:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_mostly_sound(text: str) -> bool:
    """Tell whether the letters beyond ASCII speak for a charset more than the broken against."""
    broken = text.count("\ufffd")
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return broken * SOUND_PER_BROKEN <= beyond - broken


def _strictly(data: bytes, codec: str) -> str | None:
    if not codec:
        return None
    try:
        return data.decode(codec)
    except UnicodeError:
        return _leniently(data, codec)


def _leniently(data: bytes, codec: str) -> str | None:
    """Decode what some senders take for the charset, if it is only that."""
    if codec == "cp1252":
        # The five bytes that windows-1252 leaves open are C1 controls in what was declared.
        return data.decode("latin-1")
    if codec == "utf-8" and b"\xed" in data:
        try:
            # UTF-16 surrogates, each encoded by itself; clean() joins the pairs.
            return data.decode("utf-8", "surrogatepass")
        except UnicodeError:
            return None
    return None
