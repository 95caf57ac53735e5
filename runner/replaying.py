"""Replays: a script over all that is stored, batch by batch, whoever goes on with it."""

import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

from postroom import following, runs
from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError, RefusedError, TemporaryError
from postroom.runner_client import OpenReplay, RunnerClient

from . import fetching, room
from .errors import ScriptError
from .job import Item, ItemEnded, Job
from .leases import Lease
from .shared import Shared

log = logging.getLogger(__name__)

_POLL = 1.0
_AT_ONCE = 100
#: Results are told so often, so that a killed runner loses little.
_TELL_ITEMS, _TELL_SECONDS = 25, 1.0
#: Of an output that the hash of covers; of it less is kept.
_MOST_BYTES = 4 << 20


class Replaying:
    """One thread, one replay at a time."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def run(self) -> None:
        """Until told to stop."""
        stop, backoff = self._shared.stop, Backoff()
        while not stop.is_set():
            try:
                for replay in reversed(self._shared.client.open_replays()):
                    with following.within(request=f"replay-{replay.id}", replay=replay.id):
                        while not stop.is_set() and self._batch(replay):
                            pass
            except Exception as e:
                # The thread must live: the API may be back at any time.
                unforeseen = None if isinstance(e, PostroomError) else e
                pause = backoff.pause(e)
                log.warning("no replays: %s", reason(e), exc_info=unforeseen)
                stop.wait(pause)
            else:
                backoff.reset()
                stop.wait(_POLL)

    def _batch(self, replay: OpenReplay) -> bool:
        """Do the next items; whether there may be more."""
        shared, seconds = self._shared, self._shared.options.lease_seconds
        began = time.monotonic()
        asked = runs.ClaimBatch(worker=shared.worker, lease_seconds=seconds, most=_AT_ONCE)
        try:
            batch = shared.client.claim_batch(replay.id, asked)
        except RefusedError as e:
            log.warning("replay %d: %s", replay.id, e)
            return False
        if not batch.items:
            return False

        def renew(client: RunnerClient) -> bool:
            told = runs.TellItems(claim=batch.claim, items=[], lease_seconds=seconds)
            return client.tell_items(replay.id, told).stop

        what = f"replay {replay.id} of {replay.script}"
        lease = Lease(what=what, seconds=seconds, renew=renew, began=began)
        with shared.leases.held(lease), shared.places.made() as folder:
            batch_of = _Batch(shared, replay, batch, lease, folder)
            try:
                return batch_of.work() and not lease.stop.is_set()
            except RefusedError as e:
                log.warning("%s: %s", what, e)
                return False


class _Batch:
    def __init__(
        self,
        shared: Shared,
        replay: OpenReplay,
        batch: runs.ReplayBatch,
        lease: Lease,
        folder: Path,
    ) -> None:
        self._shared, self._replay, self._batch = shared, replay, batch
        self._lease, self._folder = lease, folder
        self._results: list[runs.ItemResult] = []
        self._told = time.monotonic()
        self._is_over = False

    def work(self) -> bool:
        """Whether the replay goes on."""
        try:
            for ended in self._ended():
                self._results.append(_result(ended))
                self._tell_some()
        except ScriptError as e:
            # It will not start for any of them.
            done = {result.id for result in self._results}
            self._results += [_failed(id_, str(e)) for id_ in self._batch.items if id_ not in done]
        self._tell()
        return not self._is_over

    def _ended(self) -> Iterator[ItemEnded]:
        return room.work_batch(
            _job(self._replay, self._batch),
            self._items(),
            self._folder / "run",
            self._shared.workshop,
            lambda *_: None,
            self._lease.stop,
            _MOST_BYTES,
        )

    def _items(self) -> Iterator[Item]:
        """The items one by one, each there as long as the script has it in hand."""
        for id_ in self._batch.items:
            folder = self._folder / "given" / str(id_)
            folder.mkdir()
            try:
                yield self._item(id_, folder)
            except RefusedError as e:
                self._results.append(_failed(id_, f"cannot be read: {e}"))
            finally:
                rmtree(folder)

    def _item(self, id_: int, folder: Path) -> Item:
        client = self._shared.client
        if self._batch.of == "mails":
            return Item(key=str(id_), mail=fetching.mail(client, id_, folder))
        return Item(key=str(id_), file=fetching.file(client, id_, folder))

    def _tell_some(self) -> None:
        late = time.monotonic() - self._told > _TELL_SECONDS
        if late or len(self._results) >= _TELL_ITEMS:
            self._tell()

    def _tell(self) -> None:
        if not self._results or self._lease.lost.is_set():
            return
        told = runs.TellItems(
            claim=self._batch.claim,
            items=self._results,
            lease_seconds=self._shared.options.lease_seconds,
        )
        taken = self._insist(told)
        self._results, self._told = [], time.monotonic()
        self._is_over = taken.stop
        log.info("%s: %d of %d items", self._lease.what, taken.done, taken.total)
        if taken.stop:
            self._lease.end("asked")

    def _insist(self, told: runs.TellItems) -> runs.ItemsTaken:
        backoff = Backoff((0.2, 5.0))
        while True:
            try:
                return self._shared.client.tell_items(self._replay.id, told)
            except TemporaryError as e:
                if self._lease.lost.is_set():
                    raise
                self._lease.lost.wait(min(backoff.pause(e), self._lease.seconds / 10))


def _job(replay: OpenReplay, batch: runs.ReplayBatch) -> Job:
    return Job(
        run=0,
        script=batch.script,
        version=batch.version,
        source=batch.source,
        arguments=batch.arguments,
        trigger={"kind": "replay", "replay": replay.id},
        secrets=tuple(batch.secrets),
        seconds=batch.seconds,
        megabytes=batch.megabytes,
        network=batch.network,
    )


def _result(ended: ItemEnded) -> runs.ItemResult:
    text = ended.output.decode(errors="replace").replace("\0", "\ufffd")
    return runs.ItemResult(
        id=int(ended.key),
        status=ended.status,
        output=text[: runs.MAX_OUTPUT],
        sha256=hashlib.sha256(ended.output).hexdigest() if ended.output else "",
        cut=ended.cut or len(text) > runs.MAX_OUTPUT,
        error=ended.error[:10_000],
    )


def _failed(id_: int, error: str) -> runs.ItemResult:
    return runs.ItemResult(id=id_, status="error", error=error[:10_000])
