"""The course of the demo: fill the mailbox, start the daemons, tell what happens, end cleanly."""

import hashlib
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from postroom.children import Children, Say
from postroom.demo.mailboxes import Box, opened
from postroom.demo.place import MAILBOX, Place, prepared
from postroom.demo.samples import one_more, samples
from postroom.demo.watching import PAGE, Watching
from postroom.demo.witness import Unanswered, Witness, told

START_SECONDS = 20.0
LOOK_SECONDS = 0.5
ARRIVAL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for."""

    once: bool
    seconds: float
    maildir: bool
    port: int


class Show:
    """One run of the demo in one folder."""

    def __init__(self, folder: Path, wishes: Wishes, say: Say, stop: threading.Event) -> None:
        self._folder = folder
        self._wishes = wishes
        self._say = say
        self._stop = stop
        self._expected: set[str] = set()
        self._arrived = 0

    def run(self) -> str:
        """Return why it failed; empty when all is well or somebody ended it."""
        end = time.monotonic() + self._wishes.seconds
        with ExitStack() as cleanup:
            box = opened(self._folder, self._wishes.maildir, self._tell)
            cleanup.callback(box.stop)
            self._fill(box)
            watching = Watching(self._folder, self._tell)
            cleanup.callback(watching.stop)
            place = prepared(self._folder, self._wishes.port, box, watching.sections())
            # The demo hangs on nothing outside its folder: no password of the real office.
            children = Children(place.config, self._say, without=("POSTROOM_", "FM_", "FL_"))
            cleanup.callback(children.stop)
            witness = Witness(place.url, MAILBOX)
            failed = self._start(place, children, witness)
            failed = failed or self._bring_in(children, witness, watching, end)
            if failed or self._wishes.once or self._stop.is_set():
                self._tell("stopping the daemons")
                return failed
            self._advise(witness, watching)
            return self._go_on(box, children, watching)

    def _tell(self, line: str) -> None:
        self._say("demo", line)

    def _fill(self, box: Box) -> None:
        self._tell(f"writing sample mails into {box.title}")
        for raw in samples(datetime.now(UTC).replace(microsecond=0)):
            box.append(raw)
            self._expected.add(hashlib.sha256(raw).hexdigest())
            self._arrived += 1
        self._tell(f"{self._arrived} mails wait there, the last one of 10 MB")

    def _start(self, place: Place, children: Children, witness: Witness) -> str:
        self._tell(f"settings: {place.config}")
        names = ("api", "master", "provider", "monitor")
        self._tell(f"starting: {', '.join(f'python -m {name}' for name in names)}")
        children.start("api")
        failed = children.await_ready(witness.is_up, START_SECONDS, self._stop)
        if failed or self._stop.is_set():
            return failed
        for name in names[1:]:
            children.start(name)
        self._tell(f"the API answers: curl {place.url}/api")
        return ""

    def _bring_in(
        self, children: Children, witness: Witness, watching: Watching, end: float
    ) -> str:
        while not self._stop.wait(LOOK_SECONDS):
            if failed := children.ended():
                return failed
            missing = self._missing(witness, watching)
            if not missing:
                self._tell(f"every sample was seen through the API: {_receipt(witness)}")
                self._tell(f"so were the page's files, and a change: {watching.site.url}")
                return ""
            if self._wishes.once and time.monotonic() > end:
                return f"not complete after {self._wishes.seconds:.0f} s: {missing}"
        return ""

    def _missing(self, witness: Witness, watching: Watching) -> str:
        of_mails = witness.missing(self._expected, self._arrived)
        try:
            of_files = watching.missing(witness.versions(PAGE))
        except Unanswered as e:
            of_files = f"the API cannot tell of files: {e}"
        return "; ".join(filter(None, (of_mails, of_files)))

    def _go_on(self, box: Box, children: Children, watching: Watching) -> str:
        number = 0
        while not self._stop.wait(ARRIVAL_SECONDS):
            if failed := children.ended():
                return failed
            box.append(one_more(number, datetime.now(UTC).replace(microsecond=0)))
            happened = watching.go_on(number)
            number += 1
            self._tell(f"new mail number {number} arrived in the mailbox; {happened}")
        self._tell("stopping the daemons")
        return ""

    def _advise(self, witness: Witness, watching: Watching) -> None:
        try:
            newest = next(witness.mails())["id"]
            file = witness.versions(PAGE)[0]["id"]
        except Unanswered as e:
            self._tell(f"the API cannot tell: {e}")
            return
        paths = (
            "/api",
            "/v1/mails?limit=5",
            f"/v1/mails/{newest}",
            f"/v1/mails/{newest}/raw",
            f"/v1/mailboxes/{MAILBOX}/receipts",
            "/v1/pages",
            "/v1/files",
            f"/v1/files/{file}/content",
            "/v1/events?limit=5",
        )
        self._tell("try in another terminal:")
        for path in paths:
            self._tell(f"    curl '{witness.url}{path}'")
        self._tell(f"two scripts that read pages: {watching.tries()}")
        self._tell(f"the watched page: {watching.site.url}")
        every = f"every {ARRIVAL_SECONDS:.0f} s"
        self._tell(f"{every} a mail arrives, and a file appears or changes; Ctrl-C ends all")


def _receipt(witness: Witness) -> str:
    receipt = witness.receipt()
    return told(receipt) if receipt else "no receipt"
