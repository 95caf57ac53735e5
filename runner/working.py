"""One run from its claim to its end: what it is about, the script, what it made, the word of it."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from postroom import runs
from postroom.backoff import Backoff, reason
from postroom.errors import RefusedError, TemporaryError
from postroom.following import told, within
from postroom.runner_client import RunnerClient
from postroom.storage import StorageBrokenError

from . import fetching, measured, room
from .dispatch import Next, Taken
from .job import Ended, FileFiles, Job, MailFiles
from .keeping import Kept, finished
from .leases import Lease
from .logbook import Logbook
from .shared import Shared

log = logging.getLogger(__name__)

T = TypeVar("T")
_AGAIN = (0.2, 5.0)


class _LostError(Exception):
    """The run is another's, or may be."""


class Working:
    """Carries out what was claimed; never two runners at one run."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def carry(self, taken: Taken, following: Next = lambda: None) -> Taken | None:
        """Do it to its end; the next one, where the answer to that brings one. Never raises."""
        run = taken.run.run
        with within(request=f"run-{run}-{taken.run.attempt}", run=run):
            return self._hold(taken.run, taken.began, following)

    def _hold(self, claimed: runs.ClaimedRun, began: float, following: Next) -> Taken | None:
        shared = self._shared
        seconds = shared.options.lease_seconds

        def renew(client: RunnerClient) -> bool:
            told = runs.RenewRun(claim=claimed.claim, lease_seconds=seconds)
            return client.renew_run(claimed.run, told).stop

        what = f"run {claimed.run} of {claimed.script}"
        lease = Lease(what=what, seconds=seconds, renew=renew, began=began)
        book = Logbook(claimed.run, claimed.claim, lease)
        try:
            with shared.leases.held(lease), shared.logs.kept(book):
                return self._carry(claimed, lease, book, following)
        except _LostError:
            log.warning("%s: the lease is lost: nothing of it is kept", what)
            shared.numbers.add(measured.RUNS, "lost")
        except StorageBrokenError as e:
            log.critical("the storage of files is broken: %s", e)
            shared.broken.set()
            shared.stop.set()
        except Exception:
            # The thread must live; when the lease ends, the run is another's.
            log.exception("%s: its end could not be told, by a defect of Postroom", what)
        return None

    def _carry(
        self, claimed: runs.ClaimedRun, lease: Lease, book: Logbook, following: Next
    ) -> Taken | None:
        if self._shared.stop.is_set():
            # It came while the runner began to end, which waits for what is held already.
            self._give_back(claimed, lease, "its runner ends", 0)
            return None
        began, numbers = time.monotonic(), self._shared.numbers
        numbers.add(measured.CLAIMS)
        about = {"mail": claimed.mail, "file": claimed.file}
        named = {name: id_ for name, id_ in about.items() if id_ is not None}
        log.info("%s: attempt %d begins", lease.what, claimed.attempt, extra=told(**named))
        with self._shared.places.made() as folder:
            try:
                ended = self._work(claimed, lease, book, folder)
            except TemporaryError as e:
                self._give_back(claimed, lease, reason(e), e.after)
                return None
            if lease.why == "returned":
                self._give_back(claimed, lease, "its runner ended", 0)
                return None
            book.end()
            taken = self._finish(claimed, lease, book, ended, following)
        took = time.monotonic() - began
        log.info("%s: %s after %.1f s", lease.what, ended.status, took)
        numbers.add(measured.RUNS, ended.status)
        numbers.observe(measured.SECONDS, took)
        return taken

    def _work(self, claimed: runs.ClaimedRun, lease: Lease, book: Logbook, folder: Path) -> Ended:
        def on_log(stream: str, piece: bytes) -> None:
            book.feed(stream, piece)
            self._shared.logs.wake()

        try:
            job = self._job(claimed, lease, folder / "given")
            return room.work(job, folder / "run", self._shared.workshop, on_log, lease.stop)
        except RefusedError as e:
            return self._failed(folder, f"what the run is about cannot be read: {e}")
        except (TemporaryError, StorageBrokenError, _LostError):
            raise
        except Exception as e:
            log.exception("%s: failed by a defect of Postroom", lease.what)
            return self._failed(folder, f"the runner failed: {reason(e)}")

    def _job(self, claimed: runs.ClaimedRun, lease: Lease, folder: Path) -> Job:
        client = self._shared.client
        mail: MailFiles | None = None
        file: FileFiles | None = None
        if (id_ := claimed.mail) is not None:
            mail = self._insist(lease, lambda: fetching.mail(client, id_, folder))
        if (number := claimed.file) is not None:
            file = self._insist(lease, lambda: fetching.file(client, number, folder))
        return job_of(claimed, self._shared.url, mail, file)

    def _failed(self, folder: Path, error: str) -> Ended:
        output = folder / "output.txt"
        output.write_text(f"{error}\n", "utf-8")
        isolation = self._shared.workshop.isolation.name
        return Ended(
            status="error", exit_code=None, error=error, isolation=isolation, output=output
        )

    def _finish(
        self,
        claimed: runs.ClaimedRun,
        lease: Lease,
        book: Logbook,
        ended: Ended,
        following: Next,
    ) -> Taken | None:
        store = self._shared.store
        kept = self._insist(lease, lambda: Kept(store, claimed.run, claimed.attempt, ended))
        rest = self._insist(lease, lambda: book.last(self._shared.client))
        told = finished(claimed.claim, ended, kept, store.id, rest)
        tries, began = 0, 0.0

        def finish() -> runs.FinishedRun:
            nonlocal tries, began
            tries, began = tries + 1, time.monotonic()
            whole = msgspec.structs.replace(told, next=following())
            return self._shared.client.finish_run(claimed.run, whole)

        try:
            given = self._insist(lease, finish).runs
        except RefusedError as e:
            # After an answer that was lost it may be our own end that we hear of.
            if tries == 1:
                kept.drop()
            if tries == 1 or e.code != "lease_lost":
                log.warning("%s: its end is not taken: %s", lease.what, e)
            return None
        return Taken(given[0], began) if given else None

    def _give_back(self, claimed: runs.ClaimedRun, lease: Lease, why: str, after: float) -> None:
        log.info("%s: given back: %s", lease.what, why)
        self._shared.numbers.add(measured.RUNS, "returned")
        told = runs.GiveBackRun(claim=claimed.claim, reason=why[:10_000], after_seconds=after)
        self._insist(lease, lambda: self._shared.client.give_back(claimed.run, told))

    def _insist(self, lease: Lease, call: Callable[[], T]) -> T:
        """Try until it goes through, as long as the lease lasts."""
        backoff = Backoff(_AGAIN, _AGAIN)
        while not lease.lost.is_set():
            try:
                return call()
            except TemporaryError as e:
                pause = min(backoff.pause(e), lease.seconds / 10)
                log.warning("%s: %s; trying again in %.1f s", lease.what, reason(e), pause)
                lease.lost.wait(pause)
        raise _LostError


def job_of(
    claimed: runs.ClaimedRun, url: str, mail: MailFiles | None, file: FileFiles | None
) -> Job:
    """A claimed run as the room has it."""
    return Job(
        run=claimed.run,
        script=claimed.script,
        version=claimed.version,
        attempt=claimed.attempt,
        source=claimed.source,
        arguments=claimed.arguments,
        trigger=claimed.trigger,
        since=claimed.since,
        secrets=tuple(claimed.secrets),
        seconds=claimed.seconds,
        megabytes=claimed.megabytes,
        network=claimed.network,
        mail=mail,
        file=file,
        api_url=url if claimed.network else "",
        api_token=claimed.api_token,
    )
