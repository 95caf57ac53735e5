"""One pass over one folder: offer what is listed, push what is wanted, ask for the receipt."""

import math
import time
from collections import deque
from collections.abc import Callable
from secrets import token_hex
from typing import Any, NamedTuple

import msgspec

from postroom import wire
from postroom.errors import SourceError
from postroom.wire import Key

from . import cut, samples
from .link import Link
from .pushes import Pushes
from .sources import Folder

#: How often a pass offers again what the master put off, and the longest wait for it.
AGAIN_TRIES = 3
AGAIN_SECONDS = 10.0
#: How often in a row the master may take nothing before the pass is closed.
HALTS = 5
#: New texts that name mails, from which on they may be new names of old mails.
MANY = 20


class Passed(NamedTuple):
    """What a pass came to."""

    #: None: nothing has changed since the last receipt, or the pass was stopped.
    answer: wire.PassReply | None
    sent: int = 0


class FolderPass:
    """Keeps nothing that the master could not tell again."""

    def __init__(self, link: Link, folder: Folder) -> None:
        self._link = link
        self._folder = folder
        self._place: dict[str, Any] = link.place(folder.name, folder.uidvalidity)
        self._pushes = Pushes(link, folder, self._place)

    def run(self, cuts: dict[tuple[str, int], cut.Cut], *, full: bool, verify: bool) -> Passed:
        """Go over the folder; `full`: even if nothing seems to have changed."""
        began = time.monotonic()
        probe = self._offer(None)
        if probe.unchanged and not full:
            return Passed(None)
        windows = list(self._folder.windows())
        numbering = (self._folder.name, self._folder.uidvalidity)
        if numbering not in cuts or not cut.holds(cuts[numbering], windows):
            cuts[numbering] = cut.find(self._folder, windows, self._offer)
        generation = self._place["generation"]
        listed, windows = windows, cut.above(windows, cuts[numbering])
        if self._all_new(windows):
            self._renumber()
        try:
            self._bring(windows, verify=verify)
            if self._place["generation"] != generation and cuts[numbering] is not None:
                # The cut was a UID of the old numbering: all is offered, as the store knows much.
                cuts[numbering], windows = None, listed
                self._bring(windows, verify=False)
        finally:
            # Whatever ends the pass: what is under way is answered first.
            self._pushes.settle()
        if self._link.stop.is_set():
            return Passed(None, self._pushes.sent)
        return Passed(self._finish(windows, began), self._pushes.sent)

    def fetch(self, key: Key) -> str:
        """Push one mail, wanted or not; what the master made of it, "" when it is to come again."""
        self._offer(None)
        whole = self._pushes.push([key])
        self._pushes.settle()
        if key in self._pushes.tomorrow:
            raise SourceError(str(self._link.quota))
        after = self._left(key)
        if after > AGAIN_SECONDS:
            raise SourceError("the master cannot take the mail at present")
        if self._pushes.again:
            self._link.stop.wait(max(1.0, after))
        if not whole or self._pushes.again:
            return ""
        reply = self._pushes.told.get(key)
        if reply is None:
            return "it is not there (any more)"
        return f"{reply.status}: {reply.reason}" if reply.reason else reply.status

    def _offer(self, window: wire.Window | None, **more: Any) -> wire.OfferReply:
        request = wire.Offer(**self._place, window=window, status=self._folder.status, **more)
        answer: wire.OfferReply = self._link.ask(request)
        self._place["generation"] = answer.generation
        return answer

    def _bring(self, windows: list[wire.Window], *, verify: bool) -> None:
        whole = self._go_over(windows, verify=verify)
        for _ in range(AGAIN_TRIES):
            due = self._due_again()
            left = [part for w in windows if (part := _kept(w, due.__contains__)).listed()]
            if not left or not whole:
                # What is missing then is for the next pass.
                return
            whole = self._go_over(left, verify=False)

    def _go_over(self, windows: list[wire.Window], *, verify: bool) -> bool:
        """Offer and push; False when it stopped midway, told to or as the master takes nothing."""
        todo, halts, sent = deque(windows), 0, -1
        while todo and not self._link.stop.is_set():
            window = todo.popleft()
            answer = self._offer(window)
            if verify and not samples.hold(self._folder, answer.samples):
                self._renumber()
                todo = deque(windows)
                continue
            wanted = self._due(self._wanted(window, answer))
            whole = self._pushes.push(wanted) and not answer.more
            if not todo or not whole:
                self._pushes.settle()
            if halted := self._pushes.halted:
                self._pushes.halted = None
                halts, sent = (halts + 1 if sent == self._pushes.sent else 1), self._pushes.sent
                if halts == HALTS:
                    return False
                self._link.stop.wait(min(halted.after, AGAIN_SECONDS))
            if not whole:
                # What was put off waits until the rest has been pushed.
                rest = _kept(window, lambda key: key not in self._pushes.again)
                todo.extendleft([rest] if rest.listed() else [])
        return not self._link.stop.is_set()

    def _wanted(self, window: wire.Window, answer: wire.OfferReply) -> list[Key]:
        """What is to be downloaded, once the store had the chance to know it by its headers."""
        if not answer.rematch or not answer.wanted:
            return answer.wanted
        digests = self._folder.digests(answer.wanted)
        if not digests:
            return answer.wanted
        unmatched = self._offer(window, digests=digests).wanted
        known = {digest.key for digest in digests}
        return [*unmatched, *(key for key in answer.wanted if key not in known)]

    def _all_new(self, windows: list[wire.Window]) -> bool:
        """Whether texts that name mails were all given anew, as after a move to another server.

        Then the store can find what it has by the headers. It may also be that another client
        emptied the mailbox and much has come since: nothing is lost by asking.
        """
        if sum(len(window.keys) for window in windows) < MANY:
            return False
        for window in windows:
            answer = self._offer(window)
            if answer.lowest is None or answer.rematch or len(answer.wanted) < len(window.keys):
                return False
        return True

    def _renumber(self) -> None:
        """The server gave its UIDs anew without saying so."""
        self._pushes.settle()
        self._pushes.again.clear()
        self._offer(None, renumbered=self._place["generation"])

    def _due_again(self) -> set[Key]:
        """What was put off for a short time, after that time."""
        left = {key: self._left(key) for key in self._pushes.again}
        due = {key for key, after in left.items() if after <= AGAIN_SECONDS}
        self._pushes.again -= due
        self._link.stop.wait(max((left[key] for key in due), default=0.0))
        return due

    def _due(self, wanted: list[Key]) -> list[Key]:
        """What may be sent now; an earlier pass may have been told to wait with the rest."""
        early = {key for key in wanted if self._left(key)}
        self._pushes.again |= early
        return [key for key in wanted if key not in early] if early else wanted

    def _left(self, key: Key) -> float:
        if key in self._pushes.tomorrow:
            return math.inf
        return self._link.later.left(self._place, key)

    def _finish(self, windows: list[wire.Window], began: float) -> wire.PassReply:
        pass_id = token_hex(16)
        answer, tasks = wire.PassReply(), []
        for index, window in enumerate(windows):
            told = wire.PassWindow(
                pass_id=pass_id,
                index=index,
                last=index == len(windows) - 1,
                window=window,
                status=self._folder.status,
                took=time.monotonic() - began,
            )
            answer = self._link.ask(wire.Pass(**self._place, window=told))
            tasks += answer.tasks
        return msgspec.structs.replace(answer, tasks=tasks)


def _kept(window: wire.Window, keep: Callable[[Key], bool]) -> wire.Window:
    """The window with only some of its listed keys."""
    keys = [key for key in window.listed() if keep(key)]
    if window.keys:
        return msgspec.structs.replace(window, keys=keys)
    uids = [key for key in keys if isinstance(key, int)]
    return msgspec.structs.replace(window, ranges=wire.compressed(uids))
