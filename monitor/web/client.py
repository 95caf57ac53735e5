"""A client for one look at a page: safe addresses, redirects by hand, limits, turns, tries."""

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar

import requests
from urllib3.exceptions import HTTPError

from postroom.errors import SourceError, TemporaryError
from postroom.web import addresses
from postroom.web.sockets import Adapter, Gate, Watch

from ..links import Document
from ..links.urls import normalised, origin_of
from ..pages import Page
from . import decode, failures
from .answer import Answer
from .cookies import Cookies
from .failures import BrokenError
from .hosts import Hosts
from .robots import Robots

MAX_REDIRECTS = 5
TRIES = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

T = TypeVar("T")


class Web:
    """For one thread, as long as a look takes; what hosts want is shared by all."""

    def __init__(self, page: Page, hosts: Hosts, stop: threading.Event) -> None:
        self._page = page
        self._hosts = hosts
        self._stop = stop
        self._watch = Watch(stop, page.timeout_seconds)
        self._allowed = {host.lower().strip("[]") for host in page.allow_hosts}
        self._own = _own_origins(page.url)
        self._cookies = Cookies()
        self._robots = Robots(page.user_agent, hosts, self._ask_freely) if page.robots else None
        # No session: it would take proxies and .netrc from the environment, round all checks.
        self._adapter = Adapter(Gate(self._resolved, self._watch), page.ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._adapter.close()

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
        answer = self._arrive(_required(url), headers, self._robots)
        try:
            answer.require()
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

    def _ask_freely(self, url: str) -> Answer:
        return self._arrive(url, {}, None)

    def _arrive(self, url: str, headers: Mapping[str, str], robots: Robots | None) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            if robots:
                robots.require(origin_of(url), url)
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
        delay = self._robots.delay(origin) if self._robots else 0.0
        pause = max(self._page.pause_seconds, delay)
        self._watch.extend(self._hosts.turn(origin, pause, self._stop))
        request = requests.Request("GET", url, headers=self._headers(origin, headers))
        try:
            response = self._adapter.send(
                request.prepare(), stream=True, timeout=self._page.timeout_seconds
            )
        except (requests.RequestException, HTTPError) as e:
            raise failures.of_request(url, e) from e
        rest = failures.rest_of(response.status_code, response.headers.get("Retry-After"))
        if rest is not None:
            self._hosts.rest(origin, rest)
        self._cookies.note(origin, response.raw.headers.getlist("Set-Cookie"))
        return response

    def _headers(self, origin: str, more: Mapping[str, str]) -> dict[str, str]:
        """What the page's section tells goes to the page's own server, and to no other."""
        told = {"User-Agent": self._page.user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        cookies = self._cookies.shown(origin)
        if origin in self._own:
            told |= self._page.sent_headers
            cookies = "; ".join(filter(None, (self._page.cookies.rstrip("; "), cookies)))
            if self._page.user:
                pair = f"{self._page.user}:{self._page.password}".encode()
                told["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if cookies:
            told["Cookie"] = cookies
        return {**told, **more}

    def _resolved(self, host: str, port: int) -> list[addresses.Answer]:
        host = host.strip("[]")
        allowed = host.lower() in self._allowed
        remedy = f"set allow_hosts = {host} in its section if it is meant"
        return addresses.resolved(host, port, self._hosts.resolve, allowed=allowed, remedy=remedy)


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
