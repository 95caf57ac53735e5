"""One look at a page: its links offered, what is wanted brought, the end told."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from postroom import wire
from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError, TemporaryError
from postroom.storage import StorageBrokenError
from postroom.tasks import Tasks

from . import measured
from .bringing import Bringing, Counts
from .looking import Found, look
from .pages import Page
from .shared import Shared
from .web import Web

log = logging.getLogger(__name__)

#: Bytes of URLs and texts in one LINKS; the wire takes twice that.
MAX_BYTES = 1_000_000
#: The first pause after a failure; the longest is the page's interval.
BACKOFF_SECONDS = 60.0


class Watched:
    """A page under watch; but for its back-off nothing is remembered between two looks."""

    def __init__(
        self,
        page: Page,
        shared: Shared,
        tasks: Tasks[wire.WatchTask],
        next_look: Callable[[], float],
        digest_made: Callable[[], None],
    ) -> None:
        """`next_look()` is when the page is due, in seconds; 0 where that is left to others."""
        self.page = page
        self._shared = shared
        self._tasks = tasks
        self._next_look = next_look
        #: Whether anything of the last look failed.
        self.failed = False
        self._digest_made = digest_made
        longest = max(BACKOFF_SECONDS, page.interval_seconds)
        self._backoff = Backoff((BACKOFF_SECONDS, longest), (BACKOFF_SECONDS, longest))

    def look(self) -> float:
        """Look at it; seconds until it should be looked at again, 0 where its clock says when.

        Never raises but for a storage that is broken.
        """
        checks = self._asked("check")
        pause, told, self.failed = 0.0, "", True
        try:
            pause, told = self._look()
        except StorageBrokenError:
            raise
        except TemporaryError as e:
            told = str(e)
            if self._shared.stop.is_set():
                return 0.0
            log.warning("%s: the end of the look could not be told: %s", self.page.name, e)
        except Exception as e:
            # The loop must live: whatever it was may be mended at any time.
            told = reason(e)
            log.exception("%s: the end of the look could not be told", self.page.name)
        for task in checks:
            self._tasks.done(task, told)
        return pause

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody wants it looked at now."""
        return bool(self._asked("check"))

    def fetch(self, task: wire.WatchTask) -> None:
        """Download one file again, as a task asks."""
        try:
            wanted = [wire.WantedFile(url=str(task.target["url"]))]
            with Web(self.page, self._shared.hosts, self._shared.stop) as web:
                counts = Bringing(self.page, web, self._shared).bring(wanted)
        except StorageBrokenError:
            raise
        except KeyError:
            self._tasks.done(task, "the task names no URL")
        except Exception as e:
            if not isinstance(e, PostroomError):
                log.exception("%s: a download that was asked for failed", self.page.name)
            self._tasks.done(task, reason(e))
        else:
            if not self._shared.stop.is_set():
                self._tasks.done(task, counts.reason or str(counts))

    def _asked(self, kind: str) -> list[wire.WatchTask]:
        return self._tasks.open(kind, lambda task: task.source == self.page.name)

    def _look(self) -> tuple[float, str]:
        """The pause, and what to say to whoever asked for the look."""
        began = time.monotonic()
        found: Sequence[Found] = ()
        counts, error, pause = Counts(), "", 0.0
        try:
            with Web(self.page, self._shared.hosts, self._shared.stop) as web:
                found = look(self.page, web)
                bringing = Bringing(self.page, web, self._shared)
                counts = bringing.counts
                bringing.bring(self._offer(found))
        except StorageBrokenError:
            raise
        except Exception as e:
            if self._shared.stop.is_set():
                raise
            error, pause = self._failed(e)
        else:
            self._backoff.reset()
        if self._shared.stop.is_set():
            raise TemporaryError("ended by the operator")
        took = time.monotonic() - began
        error = self._end(found, error, pause, took) or error
        self.failed = bool(error or counts.failed)
        numbers, name = self._shared.numbers, self.page.name
        numbers.add(measured.LOOKS, name, "failed" if self.failed else "well")
        numbers.observe(measured.SECONDS, took)
        numbers.set(measured.LINKS, len(found), name)
        return pause, error or f"{len(found)} links, {counts}"

    def _failed(self, e: Exception) -> tuple[str, float]:
        due = self._next_look()
        pause = self._backoff.pause(e)
        # Its clock may wake it before.
        pause = min(pause, due) if due else pause
        unforeseen = None if isinstance(e, PostroomError) else e
        log.warning(
            "%s: %s; trying again in %.0f s", self.page.name, reason(e), pause, exc_info=unforeseen
        )
        return reason(e)[: wire.MAX_TEXT], pause

    def _offer(self, found: Sequence[Found]) -> list[wire.WantedFile]:
        """What is wanted of the links, and of what was found before."""
        wanted: dict[str, wire.WantedFile] = {}
        chunks = list(chunked(found))
        for number, links in enumerate(chunks, 1):
            request = wire.Links(
                page=self.page.name, url=self.page.url, links=links, last=number == len(chunks)
            )
            answer: wire.LinksReply = self._shared.ask(request, self.page.name)
            for each in answer.wanted:
                wanted.setdefault(each.url, each)
        return list(wanted.values())

    def _end(self, found: Sequence[Found], error: str, pause: float, took: float) -> str:
        """Tell the end of the look; what is wrong with a page that could be read."""
        request = wire.Looked(
            page=self.page.name,
            url=self.page.url,
            # Of a page that is not due again nobody shall be told that it is silent.
            next_look=self._next_look() and (pause or self._next_look()),
            links=len(found),
            error=error,
            took=took,
            digest=self._shared.digest_per_look,
        )
        answer: wire.LookedReply = self._shared.ask(request, self.page.name)
        if answer.error:
            log.warning(
                "%s: %s: has its design changed? see select and the patterns of its section",
                self.page.name, answer.error,
            )  # fmt: skip
        elif not error and not answer.new + answer.changed:
            moment = datetime.now(UTC).isoformat(" ", "seconds")
            log.info("%s: no new files at %s", self.page.name, moment)
        if answer.digest:
            self._digest_made()
        return answer.error


def chunked(found: Sequence[Found]) -> Iterator[list[wire.Link]]:
    """The links in messages that the wire takes; at least one, be it empty."""
    links: list[wire.Link] = []
    size = 0
    for url, whole in found:
        text = whole[: wire.MAX_TEXT]
        length = len(url.encode()) + len(text.encode(errors="replace"))
        if links and (len(links) == wire.MAX_LINKS or size + length > MAX_BYTES):
            yield links
            links, size = [], 0
        links.append(wire.Link(url=url, text=text))
        size += length
    yield links
