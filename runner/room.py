"""One run: its folder, its process, its log, its output."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from postroom.errors import TemporaryError

from . import folders
from .batch import work_batch
from .errors import ScriptError
from .folders import remove
from .job import Ended, Job
from .process import Process, Why, memory_file
from .secrets import Mask
from .streams import Log, OnLog
from .view import View
from .workshop import Workshop, hidden

__all__ = ["Ended", "Job", "OnLog", "Workshop", "remove", "work", "work_batch"]
#: What this machine lacks for the moment.
_LATER = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_PARTIAL = "output.partial.txt"


def work(job: Job, folder: Path, workshop: Workshop, on_log: OnLog, stop: Event) -> Ended:
    """Run a script to its end in `folder`, which must be empty; the caller removes it (`remove`).

    Never raises for what the script does; TemporaryError when this machine cannot run it now.
    `stop` ends the script at once.
    """
    run = _Run(job, folder.absolute(), workshop)
    with _blaming_this_machine(job):
        try:
            return run.work(on_log, stop)
        except ScriptError as e:
            return run.failed(None, str(e), [])
        except TemporaryError:
            if not stop.is_set():
                raise
            return run.failed(None, "the script was stopped before it began", [])


@dataclass(slots=True)
class _Run:
    job: Job
    folder: Path
    workshop: Workshop
    mask: Mask = field(default_factory=Mask)

    def work(self, on_log: OnLog, stop: Event) -> Ended:
        secrets = self.workshop.secrets.get(self.job.secrets)
        self.mask = Mask([*secrets.values(), *filter(None, [self.job.api_token])])
        log = Log(on_log, self.mask, self.workshop.options.log_kilobytes << 10)
        with self.workshop.environments.of(self.job.source, stop) as environment:
            view = View.of(self.folder, environment, network=self.job.network)
            view.make(self.workshop.isolation.owner)
            folders.lay_out(self.job, view, self.workshop.isolation.owner)
            why, status = self._process(view, hidden(self.job, secrets), log, stop)
        return self._ended(view, why, status, log)

    def _process(self, view: View, told: bytes, log: Log, stop: Event) -> tuple[Why, int]:
        workshop = self.workshop
        taken = workshop.taken(view, self.job)
        command = workshop.command(view, self.job, "once")
        with memory_file(told) as stdin:
            process = Process(command, view.work, workshop.environ(view), stdin, log.feed)
        try:
            why = process.watch(_never, self.job.seconds, stop, taken)
        finally:
            status = process.end()
            log.end()
        return "full" if why == "ended" and taken.is_full() else why, status

    def _ended(self, view: View, why: Why, status: int, log: Log) -> Ended:
        kept = self.folder / "kept"
        output, artefacts = folders.collect(view.output, kept, self.mask, log.say)
        if why == "ended" and status == 0:
            return self._told("completed", status, "", output, artefacts)
        if output:
            # What it had written before it failed is worth a look.
            artefacts.append(output.rename(kept / _PARTIAL))
        reason = self.workshop.reason(why, status, self.job)
        error = "\n".join(filter(None, [reason, log.tail])) or f"exit status {status}"
        return self.failed(status, error, artefacts)

    def failed(self, status: int | None, error: str, artefacts: Sequence[Path]) -> Ended:
        """An end with an error, which becomes the output."""
        error = self.mask.text(error)
        output = self.folder / "kept" / folders.OUTPUT
        output.parent.mkdir(mode=0o700, exist_ok=True)
        output.write_text(f"{error}\n", "utf-8", "replace")
        return self._told("error", status, error, output, artefacts)

    def _told(
        self,
        status: Literal["completed", "error"],
        exit_code: int | None,
        error: str,
        output: Path | None,
        artefacts: Sequence[Path],
    ) -> Ended:
        return Ended(
            status=status,
            exit_code=exit_code,
            error=error,
            isolation=self.workshop.isolation.name,
            output=output,
            artefacts=tuple(artefacts),
        )


@contextmanager
def _blaming_this_machine(job: Job) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        if e.errno not in _LATER:
            raise
        raise TemporaryError(f"run {job.run} of {job.script}: {e}", after=30) from e


def _never() -> bool:
    return False
