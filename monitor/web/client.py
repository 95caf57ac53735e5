"""A client for one look at a page: safe addresses, redirects by hand, limits, turns, tries."""

import base64
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar
from urllib.robotparser import RobotFileParser

import requests
from urllib3.exceptions import HTTPError

from monitor.links import Document
from monitor.links.urls import host_of, normalised, origin_of
from monitor.pages import Page
from postroom.errors import PostroomError, SourceError, TemporaryError

from . import addresses, decode
from .hosts import DEFAULT_REST, Hosts, retry_after
from .sockets import Adapter, Gate, Watch

MAX_REDIRECTS = 5
TRIES = 3
#: Seconds that a look waits for a host that asks for it; longer ones are left to the next look.
SHORT_REST = 15.0
MAX_ROBOTS = 512 * 1024
#: robots.txt may ask for long pauses, but not for never.
LONGEST_DELAY = 60.0
_PIECE = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: The server may do better next time.
_PASSING = frozenset({408, 425, 500, 502, 504})
_MOST_COOKIES = 50

T = TypeVar("T")


class BrokenError(TemporaryError):
    """The connection, or the server for the moment: another try may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last response of a chain of redirects; its body is still to come."""

    url: str
    response: requests.Response

    @property
    def status(self) -> int:
        """The status code."""
        return self.response.status_code

    def header(self, name: str) -> str:
        """A header's value; "" where there is none."""
        return self.response.headers.get(name) or ""

    @property
    def length(self) -> int | None:
        """Bytes of the body as they are sent, where the server tells."""
        text = self.header("Content-Length")
        return int(text) if text.isascii() and text.isdigit() else None

    def pieces(self) -> Iterator[bytes]:
        """The body as it is sent; BrokenError when it ends early."""
        try:
            yield from self.response.raw.stream(_PIECE, decode_content=False)
        except HTTPError as e:
            raise BrokenError(f"{self.url}: the answer broke off: {_cause(e)}") from e

    def unpacked(self) -> Iterator[bytes]:
        """The body as it is meant."""
        try:
            yield from decode.decoded(self.pieces(), self.header("Content-Encoding"))
        except decode.TruncatedError:
            raise BrokenError(f"{self.url}: the compressed answer ends too early") from None


class Web:
    """For one thread, as long as a look takes; what hosts want is shared by all."""

    def __init__(self, page: Page, hosts: Hosts, stop: threading.Event) -> None:
        self._page = page
        self._hosts = hosts
        self._stop = stop
        self._watch = Watch(stop, page.timeout_seconds)
        self._allowed = {host.lower().strip("[]") for host in page.allow_hosts}
        self._own = _own_origins(page.url)
        self._cookies: dict[str, dict[str, str]] = {}
        self._session = requests.Session()
        # Neither proxies nor .netrc: they would go round the checks, and tell secrets.
        self._session.trust_env = False
        adapter = Adapter(Gate(self._resolved, self._watch), page.ca_file)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._session.close()

    def fetch(self, url: str, most: int, accept: str = "*/*") -> Document:
        """A whole document of at most `most` bytes, unpacked; tried again while that may help."""
        headers = {"Accept": accept, "Accept-Encoding": decode.ACCEPTED}
        return self.patiently(lambda: self._fetched(url, most, headers))

    def patiently(self, work: Callable[[], T]) -> T:
        """Do it again when it broke, after waits that double."""
        for tried in range(1, TRIES):
            try:
                return work()
            except BrokenError:
                self.wait(tried)
        return work()

    def wait(self, tried: int) -> None:
        """Wait after the try of that number, counted from 1."""
        if self._stop.wait(self._page.pause_seconds * 2**tried):
            raise TemporaryError("ended by the operator", 0.0)

    @contextmanager
    def open(
        self, url: str, headers: Mapping[str, str], seconds: float, most: int
    ) -> Iterator[Answer]:
        """The answer at the end of all redirects: 2xx, 304 or 416.

        All must be there within `seconds`, and `most` bytes.
        """
        self._watch.begin(url, seconds, most)
        answer = self._arrive(_required(url), headers, robots=self._page.robots)
        try:
            self._require(answer)
            yield answer
        finally:
            answer.response.close()

    def _fetched(self, url: str, most: int, headers: Mapping[str, str]) -> Document:
        with self.open(url, headers, self._page.timeout_seconds, most) as answer:
            if answer.status >= 300:
                raise SourceError(f"{url}: the server answers {answer.status} to a plain question")
            body = bytearray()
            for piece in answer.unpacked():
                body += piece
                if len(body) > most:
                    raise SourceError(f"{url}: has more than {most:,} bytes")
            return Document(answer.url, answer.header("Content-Type"), bytes(body))

    def _arrive(self, url: str, headers: Mapping[str, str], *, robots: bool) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            if robots:
                self._require_allowed(url)
            response = self._sent(url, headers)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not location:
                return Answer(url, response)
            response.close()
            url = _redirected(url, location)
        raise SourceError(f"{url}: more than {MAX_REDIRECTS} redirects")

    def _sent(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """One request, when it is its turn; no status is an error yet."""
        origin = origin_of(url)
        waited = self._hosts.turn(_authority(url), self._pause(origin), self._stop)
        self._watch.extend(waited)
        request = requests.Request("GET", url, headers=self._headers(origin, headers))
        try:
            response = self._session.send(
                request.prepare(),
                stream=True,
                allow_redirects=False,
                timeout=self._page.timeout_seconds,
            )
        except (requests.RequestException, HTTPError) as e:
            raise _translated(url, e) from e
        self._note_cookies(origin, response)
        return response

    def _headers(self, origin: str, more: Mapping[str, str]) -> dict[str, str]:
        """What the page's section tells goes to the page's own server, and to no other."""
        told = {"User-Agent": self._page.user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        cookies = dict(self._cookies.get(origin, {}))
        if origin in self._own:
            told |= self._page.sent_headers
            if self._page.user:
                pair = f"{self._page.user}:{self._page.password}".encode()
                told["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        shown = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if origin in self._own and self._page.cookies:
            shown = f"{self._page.cookies.rstrip('; ')}; {shown}".rstrip("; ")
        return {**told, **({"Cookie": shown} if shown else {}), **more}

    def _note_cookies(self, origin: str, response: requests.Response) -> None:
        """A cookie goes back to the origin that set it, while the look lasts."""
        kept = self._cookies.setdefault(origin, {})
        for line in response.raw.headers.getlist("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if name.strip() and len(kept) < _MOST_COOKIES and len(line) < 4096 and line.isascii():
                kept[name.strip()] = value.strip()

    def _require(self, answer: Answer) -> None:
        """Raise for a status that brings nothing."""
        status, url = answer.status, answer.url
        if status < 300 or status in (304, 416):
            return
        after = retry_after(answer.header("Retry-After"))
        if status in (429, 503) or (after is not None and status in _PASSING):
            rest = DEFAULT_REST if after is None else after
            if status == 503 and after is None:
                raise BrokenError(f"{url}: the server answers {status}")
            self._hosts.rest(_authority(url), rest)
            kind = BrokenError if rest <= SHORT_REST else TemporaryError
            raise kind(
                f"{url}: the server answers {status}, to be asked again in {rest:.0f} s", rest
            )
        if status in _PASSING or status > 505:
            raise BrokenError(f"{url}: the server answers {status}")
        raise SourceError(f"{url}: the server answers {status}{_ADVICE.get(status, '')}")

    def _require_allowed(self, url: str) -> None:
        if not self._rules(origin_of(url)).can_fetch(self._page.user_agent, url):
            raise SourceError(
                f"{url}: the server's robots.txt does not allow it: set robots = no in its section "
                "if its owner agrees"
            )

    def _rules(self, origin: str) -> RobotFileParser:
        """What robots may do there: all where there is no robots.txt (RFC 9309, 2.3.1)."""
        rules = self._hosts.robots(origin)
        if rules is None:
            rules = RobotFileParser()
            answer = self._arrive(f"{origin}/robots.txt", {}, robots=False)
            try:
                rules.parse(self._robots_lines(answer))
            finally:
                answer.response.close()
            self._hosts.keep_robots(origin, rules)
        return rules

    def _robots_lines(self, answer: Answer) -> list[str]:
        if 400 <= answer.status < 500 and answer.status != 429:
            return []
        self._require(answer)
        body = bytearray()
        for piece in answer.pieces():
            body += piece
            if len(body) > MAX_ROBOTS:
                break
        return body[:MAX_ROBOTS].decode("utf-8-sig", "replace").splitlines()

    def _pause(self, origin: str) -> float:
        rules = self._hosts.robots(origin) if self._page.robots else None
        delay = rules.crawl_delay(self._page.user_agent) if rules else None
        return max(self._page.pause_seconds, min(float(delay or 0), LONGEST_DELAY))

    def _resolved(self, host: str, port: int) -> list[addresses.Answer]:
        allowed = host.lower().strip("[]") in self._allowed
        return addresses.resolved(host.strip("[]"), port, self._hosts.resolve, allowed=allowed)


_ADVICE = {
    401: ": set user and password_file in its section",
    403: ": it does not let us in",
    404: ": there is nothing (any more)",
    410: ": there is nothing any more",
}
_OLD = "the server has no TLS 1.2 or newer, and nothing older is safe: it has to be updated"
_PLAIN = "what answers there is no TLS: is the address meant to begin with http: ?"
_NO_TLS = {
    "UNSUPPORTED_PROTOCOL": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "WRONG_VERSION_NUMBER": _PLAIN,
    "RECORD_LAYER_FAILURE": _PLAIN,
}


def _required(url: str) -> str:
    found = normalised(url, whole=True)
    if not found:
        raise SourceError(f"{url[:200]!r} is no http or https address")
    return found


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads; headers come as Latin-1, whatever the server meant."""
    with suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    target = normalised(location, url, whole=True)
    if not target:
        raise SourceError(f"{url}: redirects to {location[:200]!r}, which is no http address")
    if url.startswith("https:") and target.startswith("http:"):
        raise SourceError(f"{url}: redirects from https to {target}, which anybody could read")
    return target


def _own_origins(url: str) -> frozenset[str]:
    """The page's origin, and where it is plain http, its encrypted one as well."""
    origin = origin_of(_required(url))
    plain = origin.startswith("http:") and origin.count(":") == 1
    return frozenset({origin, origin.replace("http:", "https:", 1)} if plain else {origin})


def _authority(url: str) -> str:
    return origin_of(url).partition("//")[2]


def _translated(url: str, error: Exception) -> PostroomError:
    """What an error of requests means: tell somebody, or try again."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(
                f"{url}: the server's certificate is not trusted ({cause.verify_message}): "
                "set ca_file if it is your own CA"
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            return SourceError(f"{url}: {_NO_TLS[cause.reason]}")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
        return SourceError(f"{url}: cannot be asked for: {error}")
    return BrokenError(f"{host_of(url)} does not answer: {_cause(error)}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(10):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


def _cause(error: BaseException) -> str:
    *_, last = _causes(error)
    return (
        (last.strerror if isinstance(last, OSError) else None) or str(last) or type(last).__name__
    )
