"""One file, one URL: links joined, cleaned and written in one way (RFC 3986)."""

import logging
import re
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, unquote, urlsplit

import idna

log = logging.getLogger(__name__)
#: Characters; the wire takes no more.
LONGEST = 8_000
_PORTS = {"http": 80, "https": 443}
#: Say who came from where, or which visit it is, but never which file.
_TRACKING = frozenset({
    "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "yclid", "twclid",
    "ttclid", "igshid", "mc_cid", "mc_eid", "_hsenc", "_hsmi", "mkt_tok", "vero_id", "_ga", "_gl",
    "phpsessid", "jsessionid",
})  # fmt: skip
_SESSION = re.compile(r";jsessionid=[^/;]*", re.I)
#: Without a host behind two slashes there is none, nor is the base's meant.
_WEB = re.compile(r"https?:(?![/\\]{2}(?:[?#]|\Z))", re.I)
_MANY = re.compile(r"\A(https?:)/{2,}", re.I)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_STRAY = re.compile("%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"[A-Za-z0-9._~/=&-]*")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
#: What stays as it is beside those: sub-delims, and "%", which is mended before.
_PATH = "%/:@!$&'()*+,;="
_QUERY = _PATH + "?"
_SPACE = "".join(map(chr, range(0x21)))


def normalised(
    href: str,
    base: str = "",
    *,
    charset: str = "utf-8",
    dropped: frozenset[str] = frozenset(),
    whole: bool = False,
) -> str | None:
    """The URL that a link means; None where it is no http(s) URL, or one of over 8,000 characters.

    `charset` is the document's, in which its queries are written; `dropped` are parameters, in
    small letters, that go besides those of trackers. A `whole` one keeps all its parameters.
    """
    href = href.strip(_SPACE).replace("\t", "").replace("\n", "").replace("\r", "")
    scheme = _SCHEME.match(href)
    if scheme and not _WEB.match(href):
        return None
    try:
        # What is twice as long is not worth the reading.
        short = len(href) <= 2 * LONGEST
        parts = _joined(urlsplit(_slashes(href)), base) if short else None
        url = _written(parts, charset, None if whole else dropped) if parts else href
    except ValueError:
        # An unfinished [ of IPv6, a port that is no number, a host that no DNS can have.
        return None
    if len(url) > LONGEST:
        log.info("skipped: a link of more than %d characters: %.200s", LONGEST, url)
        return None
    return url


def host_of(url: str) -> str:
    """The host of a normalised URL, without the port."""
    return _host_of_origin(origin_of(url))


def origin_of(url: str) -> str:
    """Scheme, host and port of a normalised URL."""
    return url[: url.index("/", 8)]


@lru_cache(maxsize=1024)
def _host_of_origin(origin: str) -> str:
    return urlsplit(origin).hostname or ""


def _slashes(href: str) -> str:
    """Browsers take backslashes for slashes, but not in the query, and any number for two."""
    if "\\" not in href:
        return _MANY.sub(r"\1//", href)
    end = min((at for at in (href.find("?"), href.find("#")) if at >= 0), default=len(href))
    return _MANY.sub(r"\1//", href[:end].replace("\\", "/") + href[end:])


def _joined(href: SplitResult, base: str) -> SplitResult:
    """RFC 3986, 5.2.2; dots are resolved later."""
    start = urlsplit(base)
    if href.netloc or (href.scheme and href.scheme != start.scheme):
        return href._replace(scheme=href.scheme or start.scheme)
    path, query = href.path, href.query
    if not path:
        path, query = start.path, query or start.query
    elif not path.startswith("/"):
        path = start.path[: start.path.rfind("/") + 1] + path
    return SplitResult(start.scheme, start.netloc, path, query, "")


def _written(parts: SplitResult, charset: str, dropped: frozenset[str] | None) -> str:
    authority = _authority(parts.scheme, parts.netloc)
    path = _escaped(parts.path, _PATH, "utf-8")
    query = _escaped(parts.query, _QUERY, charset)
    if dropped is not None:
        path, query = _SESSION.sub("", path), _without(query, dropped)
    return f"{authority}{_dots(path)}{'?' if query else ''}{query}"


@lru_cache(maxsize=1024)
def _authority(scheme: str, netloc: str) -> str:
    """Scheme and host, and the port where it is not the scheme's own."""
    parts = SplitResult(scheme, netloc, "", "", "")
    if scheme not in _PORTS or not parts.hostname:
        raise ValueError("neither http nor https, or no host")
    port = parts.port
    shown = "" if port is None or port == _PORTS[scheme] else f":{port}"
    return f"{scheme}://{_host(parts.hostname)}{shown}"


def _host(name: str) -> str:
    if ":" in name:
        return f"[{IPv6Address(name.partition('%')[0])}]"
    name = unquote(name)
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode()
    name = name.lower().rstrip(".")
    if not _HOST.fullmatch(name) or len(name) > 253:
        raise ValueError("no host can have this name")
    return name


def _escaped(text: str, safe: str, charset: str) -> str:
    """Escapes in capitals, only where they are needed and everywhere they are needed."""
    if _PLAIN.fullmatch(text):
        return text
    if "%" in text:
        text = _ESCAPE.sub(_unescaped, _STRAY.sub("%25", text))
    try:
        return quote(text, safe=safe, encoding=charset)
    except UnicodeEncodeError:
        return quote(text, safe=safe, errors="replace")


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _dots(path: str) -> str:
    """RFC 3986, 5.2.4; what leads above the root ends there."""
    if "/." not in path:
        return path if path.startswith("/") else f"/{path}"
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _without(query: str, dropped: frozenset[str]) -> str:
    if not query:
        return ""
    return "&".join(part for part in query.split("&") if not _tracks(part, dropped))


def _tracks(part: str, dropped: frozenset[str]) -> bool:
    name = part.partition("=")[0].lower()
    return name.startswith("utm_") or name in _TRACKING or name in dropped
