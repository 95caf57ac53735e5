"""What a [page NAME] section says: where to look, how often, which links count, how to ask."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import soupsieve
from msgspec import Meta

from postroom import cron
from postroom.credentials import from_environment, read_private, require_private
from postroom.errors import CredentialError, SettingsError
from postroom.settings import Config, Number, Options, RawSection, Seconds

#: Where a link may stand; `download` is any `<a download>`, whatever its extension.
Element = Literal["a", "link", "source", "download", "feed", "sitemap"]
MEGABYTE = 1024 * 1024
EXTENSIONS = (
    "7z", "apk", "azw3", "bz2", "csv", "deb", "djvu", "dmg", "doc", "docm", "docx", "epub", "exe",
    "flac", "geojson", "gpkg", "gz", "ics", "iso", "jar", "json", "key", "kml", "kmz", "m4a",
    "mkv", "mobi", "mov", "mp3", "mp4", "msi", "numbers", "odp", "ods", "odt", "ogg", "opus",
    "pages", "parquet", "pdf", "pkg", "ppt", "pptx", "ps", "rar", "rpm", "rtf", "shp", "sqlite",
    "tar", "tgz", "tif", "tiff", "tsv", "txt", "wav", "webm", "whl", "xls", "xlsm", "xlsx", "xml",
    "xz", "zip", "zst",
)  # fmt: skip
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:")
#: Headers that tell no secret; any other makes the file a private one.
_HARMLESS = frozenset({"accept", "accept-language", "cache-control", "dnt", "from", "referer"})
#: What the client says by itself; a second one would contradict it.
_OWN = frozenset({"host", "connection", "accept-encoding", "range", "if-range", "content-length",
                  "transfer-encoding", "if-none-match", "if-modified-since"})  # fmt: skip


class PageOptions(Options, frozen=True, kw_only=True):
    """The keys of the section; its secrets may stand in the environment."""

    url: str
    interval_seconds: Seconds = 3600.0
    #: Five fields; instead of the interval.
    cron: str = ""
    #: Of `cron`.
    time_zone: str = "UTC"
    #: Without a dot; * is any.
    extensions: tuple[str, ...] = EXTENSIONS
    #: A CSS selector: only what stands in these elements.
    select: str = ""
    #: Regular expressions, looked for anywhere.
    url_pattern: str = ""
    text_pattern: str = ""
    #: In URL or text: such a link does not count.
    skip_pattern: str = ""
    elements: tuple[Element, ...] = ("a", "link", "source", "download", "feed", "sitemap")
    same_host: bool = True
    #: 1: the pages that it links to are read as well.
    depth: Annotated[int, Meta(ge=0, le=1)] = 0
    max_pages: Annotated[int, Meta(ge=1, le=1000)] = 50
    max_links: Annotated[int, Meta(ge=1, le=50_000)] = 1000
    #: Parameters of URLs that make no other file, besides those known for tracking.
    drop_parameters: tuple[str, ...] = ()
    #: Known files are asked for again after so long.
    recheck_hours: Annotated[float, Meta(gt=0)] = 24.0
    max_megabytes: Number = 1024
    #: For a page as a whole; for a download, without a byte.
    timeout_seconds: Seconds = 30.0
    #: For a download as a whole.
    download_seconds: Seconds = 3600.0
    #: Between two requests to a host.
    pause_seconds: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    robots: bool = True
    user_agent: str = "Postroom"
    #: "Name: value", one a line.
    headers: tuple[str, ...] = ()
    #: As a browser sends them: a=1; b=2.
    cookies: str = ""
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    #: Hosts that may be private ones, as they stand in URLs.
    allow_hosts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # Passwords and cookies must not get into a log by way of an f-string.
        return f"{type(self).__name__}(url={self.url!r})"

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work."""
        _check_url(self.url)
        for key in ("url_pattern", "text_pattern", "skip_pattern"):
            _check_pattern(key, getattr(self, key))
        if self.select:
            _check_selector(self.select)
        _check_clock(self.cron, self.time_zone)
        if not self.extensions or not self.elements:
            raise ValueError(
                "extensions, elements: expected at least one each (* is any extension)"
            )
        _check_headers(_joined(self.headers))
        for key in ("user_agent", "cookies", "user"):
            _check_line(key, getattr(self, key))
        if ":" in self.user:
            raise ValueError("user: a user name must not contain a colon (RFC 7617)")


class Page(PageOptions, frozen=True, kw_only=True):
    """A watched page: its section, its name, its secrets."""

    name: str = ""
    password: str = ""

    @property
    def sent_headers(self) -> Mapping[str, str]:
        """The configured headers by name."""
        pairs = (line.partition(":") for line in _joined(self.headers))
        return {name: value.strip() for name, _, value in pairs}


def pages(config: Config) -> dict[str, Page]:
    """All [page NAME] sections by name, in the order of the file; SettingsError if one is wrong."""
    return {name: _page(config, name, raw) for name, raw in config.named("page").items()}


def _page(config: Config, name: str, raw: RawSection) -> Page:
    options = raw.convert(PageOptions)
    told = {f: getattr(options, f) for f in PageOptions.__struct_fields__}
    try:
        told |= _secrets(config, name, options)
        if options.ca_file:
            told["ca_file"] = str(config.path_of(options.ca_file))
        return Page(name=name, **told)
    except SettingsError as e:
        raise CredentialError(f"{raw.file}: [{raw.name}] {e}") from e
    except ValueError as e:
        raise SettingsError(f"{raw.file}: [{raw.name}] {e}") from e


def _secrets(config: Config, name: str, options: PageOptions) -> dict[str, object]:
    """What the environment and private files tell; a config.ini with secrets must be private."""
    prefix = "POSTROOM_PAGE_" + re.sub(r"\W", "_", name).upper()
    env = {key: from_environment(f"{prefix}_{key.upper()}") for key in ("user", "cookies")}
    found: dict[str, object] = {key: value for key, value in env.items() if value}
    if headers := from_environment(f"{prefix}_HEADERS"):
        found["headers"] = (*options.headers, *filter(None, headers.splitlines()))
    password = from_environment(f"{prefix}_PASSWORD")
    if not password and options.password_file:
        password = read_private(config.path_of(options.password_file))
    if config.file and (options.cookies or not _harmless(options.headers)):
        require_private(config.file)
    if bool(password) != bool(env["user"] or options.user):
        raise CredentialError(
            f"a user without a password, or the reverse: set user and password_file, "
            f"or {prefix}_USER and {prefix}_PASSWORD"
        )
    return {**found, "password": password}


def _harmless(headers: tuple[str, ...]) -> bool:
    return all(line.partition(":")[0].lower() in _HARMLESS for line in _joined(headers))


def _joined(headers: tuple[str, ...]) -> list[str]:
    """The lines, where a list of settings was divided at the commas of a value."""
    lines: list[str] = []
    for part in headers:
        if lines and not _HEADER.match(part):
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or len(url) > 8_000 or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise ValueError("url: expected an address such as https://example.org/reports")
    if "@" in parts.netloc:
        raise ValueError("url: a password does not belong here: set user and password_file")


def _check_pattern(key: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as e:
        raise ValueError(f"{key}: {pattern!r} is no regular expression: {e}") from e


def _check_selector(selector: str) -> None:
    try:
        soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, ValueError, NotImplementedError) as e:
        told = str(e).partition("\n")[0].rstrip(":")
        raise ValueError(f"select: {selector!r} is no CSS selector: {told}") from e


def _check_clock(line: str, time_zone: str) -> None:
    try:
        ZoneInfo(time_zone)
    except (OSError, ValueError) as e:
        # ZoneInfoNotFoundError is a KeyError.
        raise ValueError(f"time_zone: {time_zone!r} is no time zone such as Europe/Paris") from e
    except KeyError:
        raise ValueError(f"time_zone: {time_zone!r} is no time zone such as Europe/Paris") from None
    if line:
        cron.check(line)


def _check_headers(lines: list[str]) -> None:
    for line in lines:
        _check_line("headers", line)
        name = line.partition(":")[0]
        if not _HEADER.match(line):
            raise ValueError("headers: expected lines such as Accept-Language: de")
        if name.lower() in _OWN:
            raise ValueError(f"headers: {name} is set by Postroom itself")


def _check_line(key: str, text: str) -> None:
    # The value may be a secret: it is not shown.
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValueError(f"{key}: control characters cannot be sent")
    if key != "user" and not text.isascii():
        raise ValueError(f"{key}: only ASCII can be sent in a header")
