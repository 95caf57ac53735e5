"""Many runs of one script, one after another in one isolated process: for replay."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from stat import S_ISREG
from threading import Event
from typing import IO, Literal

from . import folders
from .job import Item, ItemEnded, Job
from .process import Process, Why, memory_file
from .secrets import Mask
from .streams import Log, OnLog
from .view import View, make_folder
from .workshop import Workshop, hidden

#: What an item leaves behind in memory ends with its process.
_ITEMS_IN_ONE_PROCESS = 500
_LONGEST_ANSWER = 1 << 20


def work_batch(
    job: Job,
    items: Iterable[Item],
    folder: Path,
    workshop: Workshop,
    on_log: OnLog,
    stop: Event,
    most_bytes: int = 65_536,
) -> Iterator[ItemEnded]:
    """Run the script for each item, in `folder`, which must be empty; the caller removes it.

    Each item has a namespace, a context and an output of its own, and `job.seconds`. What was
    imported stays for the next. An exception or sys.exit ends that item alone; so does the death
    of the process, which is then started anew. Artefacts are not kept. Once `stop` is set, the
    items that have not been told of were not done.

    Raises ScriptError where the script cannot be started at all, TemporaryError for this machine.
    """
    secrets = workshop.secrets.get(job.secrets)
    mask = Mask([*secrets.values(), *filter(None, [job.api_token])])
    log = Log(on_log, mask, workshop.options.log_kilobytes << 10)
    with workshop.environments.of(job.source, stop) as environment:
        view = View.of(folder.absolute(), environment, network=job.network)
        view.make(workshop.isolation.owner)
        folders.lay_out(job, view, workshop.isolation.owner)
        batch = _Batch(job, view, workshop, hidden(job, secrets), log, stop)
        try:
            for number, item in enumerate(items):
                ended = batch.one(number, item, mask, most_bytes)
                if ended is None:
                    return
                yield ended
        finally:
            batch.end()
            log.end()


class _Batch:
    def __init__(
        self, job: Job, view: View, workshop: Workshop, told: bytes, log: Log, stop: Event
    ) -> None:
        self._job, self._view, self._workshop, self._stop = job, view, workshop, stop
        self._told, self._log = told, log
        self._live: _Live | None = None

    def one(self, number: int, item: Item, mask: Mask, most_bytes: int) -> ItemEnded | None:
        """Do one item; None where it was stopped."""
        owner = self._workshop.isolation.owner
        told, output = self._view.told / str(number), self._view.output / str(number)
        make_folder(told, None)
        make_folder(output, owner)
        # Held before the script can put a link in its place.
        at = os.open(output, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            folders.told(self._job, item, told, owner)
            error = self._tried(number)
            if error is None:
                return None
            content, cut = _bounded(at, mask, most_bytes)
        finally:
            os.close(at)
            for path in (told, output):
                rmtree(path, ignore_errors=True)
        status: Literal["completed", "error"] = "error" if error else "completed"
        return ItemEnded(
            key=item.key, status=status, output=content, cut=cut, error=mask.text(error)
        )

    def end(self) -> int:
        """End the process, if there is one."""
        live, self._live = self._live, None
        return live.end() if live else 0

    def _tried(self, number: int) -> str | None:
        if self._stop.is_set():
            return None
        if self._live is None or self._live.items >= _ITEMS_IN_ONE_PROCESS:
            self.end()
            self._live = _Live(self._job, self._view, self._workshop, self._told, self._log)
        why = self._live.order(number, self._stop)
        if why == "done":
            return self._live.answer(number)
        status = self.end()
        if why == "stopped":
            return None
        reason = self._workshop.reason(why, status, self._job)
        return reason or f"the script ended its process with status {status}\n{self._log.tail}"


class _Live:
    """The process that does item after item, as long as it lives."""

    def __init__(self, job: Job, view: View, workshop: Workshop, told: bytes, log: Log) -> None:
        self._seconds = job.seconds
        self._taken = workshop.taken(view, job)
        self._answers = bytearray()
        self.items = 0
        with ExitStack() as theirs:
            orders, self._orders = _pipe()
            answers, to_us = _pipe()
            theirs.enter_context(orders)
            theirs.enter_context(to_us)
            self._from_it = answers
            passed = (orders.fileno(), to_us.fileno())
            how = f"many:{passed[0]}:{passed[1]}"
            command = workshop.command(view, job, how, cpu=False)
            stdin = theirs.enter_context(memory_file(told))
            environ = workshop.environ(view)
            self._process = Process(command, view.work, environ, stdin, log.feed, passed)
        self._process.also(answers, self._answers.extend)

    def order(self, number: int, stop: Event) -> Why:
        self.items += 1
        self._answers.clear()
        try:
            self._orders.write(b"%d\n" % number)
        except BrokenPipeError:
            return "ended"
        return self._process.watch(self._answered, self._seconds, stop, self._taken)

    def answer(self, number: int) -> str:
        """What went wrong with the item, or nothing."""
        try:
            told, error = json.loads(bytes(self._answers))
        except (ValueError, TypeError):
            return "the script wrote where only its launcher may write"
        return str(error) if told == str(number) else "the script answered for another item"

    def end(self) -> int:
        self._orders.close()
        status = self._process.end()
        self._from_it.close()
        return status

    def _answered(self) -> bool:
        return self._answers.endswith(b"\n") or len(self._answers) > _LONGEST_ANSWER


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    read, write = os.pipe()
    return os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)


def _bounded(folder: int, mask: Mask, most_bytes: int) -> tuple[bytes, bool]:
    """The first bytes of output.txt, and whether there are more; a link is no output."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.open(folders.OUTPUT, flags, dir_fd=folder)
    except OSError:
        return b"", False
    with os.fdopen(file, "rb") as stream:
        if not S_ISREG(os.fstat(file).st_mode):
            return b"", False
        longest = len(mask.forms[0]) if mask.forms else 0
        content = mask.bytes(stream.read(most_bytes + 1 + longest))
    return content[:most_bytes], len(content) > most_bytes
