"""All pages of a process: looked at by the clock or once, and what the master asks of them."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping

import msgspec

from postroom import settings, wire
from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError, SourceError
from postroom.settings import Config
from postroom.storage import StorageBrokenError
from postroom.tasks import Tasks

from . import measured
from .digest import render
from .loop import Watched
from .pages import Page
from .pool import Pool
from .pulse import KINDS, Pulse
from .schedule import Schedule
from .shared import Shared

log = logging.getLogger(__name__)

#: Seconds that a first SIGTERM leaves for what is under way.
DRAIN_SECONDS = 4.0
TICK = 0.1
#: Until a digest that could not be mailed is tried again: first and longest; where somebody has
#: to mend something, less often.
MAIL_SECONDS, REFUSED_SECONDS = (30.0, 3_600.0), (300.0, 6 * 3_600.0)


class Service:
    """`run` it, or look `once`."""

    def __init__(self, config: Config, pages: Mapping[str, Page], shared: Shared) -> None:
        options = config.section("monitor", settings.Monitor)
        self._api = config.section("api", settings.Api).base_url
        self._shared = shared
        self._seconds = options.pulse_seconds
        self._tasks: Tasks[wire.WatchTask] = Tasks(KINDS, "monitor")
        self._pulse = Pulse(list(pages), shared, self._tasks)
        self._pool = Pool(options.threads, "look")
        self._mails = Pool(1, "mail")
        #: By digest, of those that could not be mailed: many that wait do not slow each other.
        self._mail_backoffs: dict[int, Backoff] = {}
        self._schedule = Schedule(self._pool, lambda name: self._watched[name].is_asked_for)
        self._watched = {name: self._watch(page) for name, page in pages.items()}
        #: Whether the storage cannot be trusted any more.
        self.broken = False

    def _watch(self, page: Page) -> Watched:
        return Watched(
            page,
            self._shared,
            self._tasks,
            lambda: self._schedule.next_look(page.name),
            self._pulse.now,
        )

    def run(self) -> None:
        """Watch until told to stop."""
        for name, watched in self._watched.items():
            self._schedule.add(name, watched.page, self._job(watched))
        log.info("watching %d pages", len(self._watched))
        self._schedule.start()
        beats = threading.Thread(
            target=self._pulse.run, args=(self._seconds, self._carry), name="pulse", daemon=True
        )
        beats.start()
        self._shared.stop.wait()
        self._drain(beats)

    def once(self) -> bool:
        """One look at each page, and the digests; whether all went well."""
        ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        for watched in self._watched.values():
            self._pool.submit(self._counted(watched, ended))
        for _ in self._watched:
            while not self._shared.stop.is_set():
                try:
                    ended.get(timeout=TICK)
                except queue.Empty:
                    continue
                break
        if self._shared.stop.is_set() or self.broken:
            return False
        mailed = self._carry_out_all()
        return mailed and not any(watched.failed for watched in self._watched.values())

    def _counted(self, watched: Watched, ended: "queue.SimpleQueue[str]") -> Callable[[], None]:
        job = self._job(watched)

        def counted() -> None:
            try:
                job()
            finally:
                ended.put(watched.page.name)

        return counted

    def _carry_out_all(self) -> bool:
        """What is asked for, here and now, until nothing is; whether no digest was put off."""
        well = True
        while tasks := self._pulse.beat():
            for task in tasks:
                match task.kind:
                    case "check":
                        self._watched[task.source].look()
                    case "download":
                        self._watched[task.source].fetch(task)
                    case _:
                        well = self._mail(task) and well
        return well

    def _job(self, watched: Watched) -> Callable[[], None]:
        def job() -> None:
            try:
                pause = watched.look()
            except StorageBrokenError as e:
                self._break(e)
                return
            if pause:
                self._schedule.within(watched.page.name, pause)
            if self._tasks.results():
                self._pulse.now()

        return job

    def _carry(self, task: wire.WatchTask) -> None:
        """Begin with what is asked for."""
        watched = self._watched.get(task.source)
        if task.kind == "digest":
            self._mails.submit(lambda: self._mail_and_tell(task))
        elif watched is None:
            self._tasks.done(task, f"this monitor does not watch {task.source!r}")
        elif task.kind == "check":
            self._schedule.within(task.source)
        else:
            self._pool.submit(lambda: self._fetch(watched, task))

    def _fetch(self, watched: Watched, task: wire.WatchTask) -> None:
        try:
            watched.fetch(task)
        except StorageBrokenError as e:
            self._break(e)
        self._pulse.now()

    def _mail_and_tell(self, task: wire.WatchTask) -> None:
        self._mail(task)
        # The sooner it is told, the less can it come twice.
        self._pulse.now()

    def _mail(self, task: wire.WatchTask) -> bool:
        """Mail a digest, or put it off; whether it went out."""
        try:
            digest = msgspec.convert(task.target, wire.WatchDigest)
            self._send(digest)
        except Exception as e:
            pause = self._mail_backoff(task).pause(e)
            unforeseen = None if isinstance(e, PostroomError) else e
            log.warning(
                "digest not mailed: %s; trying again in %.0f s", reason(e), pause,
                exc_info=unforeseen,
            )  # fmt: skip
            self._tasks.later(task, pause, reason(e))
            self._shared.numbers.add(measured.MAILS, "failed")
            return False
        self._mail_backoffs.pop(task.id, None)
        log.info("digest of %d files mailed to %s", len(digest.files), self._to)
        self._shared.numbers.add(measured.MAILS, "sent")
        self._tasks.done(task, f"mailed to {self._to}")
        return True

    def _mail_backoff(self, task: wire.WatchTask) -> Backoff:
        return self._mail_backoffs.setdefault(task.id, Backoff(MAIL_SECONDS, REFUSED_SECONDS))

    def _send(self, digest: wire.WatchDigest) -> None:
        if self._shared.mailer is None:
            raise SourceError("this monitor has no [digest] receivers")
        self._shared.mailer.send(render(digest, self._shared.digest, self._api))

    @property
    def _to(self) -> str:
        return ", ".join(self._shared.digest.receivers)

    def _break(self, e: StorageBrokenError) -> None:
        log.critical("the storage of files is broken: %s", e)
        self.broken = True
        self._shared.stop.set()

    def _drain(self, beats: threading.Thread) -> None:
        """Give what is under way a moment; where no master answers there is nothing to wait for."""
        self._schedule.close()
        self._pulse.now()
        if not self._shared.lanes.connected.is_set():
            return
        end = time.monotonic() + DRAIN_SECONDS
        self._pool.close(DRAIN_SECONDS)
        self._mails.close(max(TICK, end - time.monotonic()))
        beats.join(max(TICK, end - time.monotonic()))
        is_untold = self._tasks.results() or self._tasks.postponed()
        if is_untold and not beats.is_alive():
            self._pulse.beat()
