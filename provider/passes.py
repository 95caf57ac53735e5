"""One pass over one folder: offer what is listed, push what is wanted, ask for the receipt."""

import time
from collections import deque
from secrets import token_hex
from typing import Any, NamedTuple

import msgspec

from postroom import wire
from postroom.wire import Key

from . import cut, samples
from .link import Link
from .pushes import Pushes
from .sources import Folder


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

    def run(self, cuts: dict[tuple[str, int], Key | None], *, full: bool, verify: bool) -> Passed:
        """Go over the folder; `full`: even if nothing seems to have changed."""
        began = time.monotonic()
        probe = self._offer(None)
        if probe.unchanged and not full:
            return Passed(None)
        windows = list(self._folder.windows())
        numbering = (self._folder.name, self._folder.uidvalidity)
        if numbering not in cuts:
            cuts[numbering] = cut.find(self._folder, windows, self._offer)
        windows = cut.above(windows, cuts[numbering])
        try:
            self._bring(windows, verify=verify)
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
        if self._pushes.again:
            self._link.stop.wait(max(1.0, self._pushes.after))
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
        todo = deque(windows)
        while todo and not self._link.stop.is_set():
            window = todo.popleft()
            answer = self._offer(window)
            if verify and not samples.hold(self._folder, answer.samples):
                self._renumber()
                todo = deque(windows)
                continue
            whole = self._pushes.push(self._wanted(window, answer)) and not answer.more
            if not todo or not whole or self._pushes.again:
                self._pushes.settle()
            todo.extendleft(self._due_again([window] if not whole else [], windows))

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

    def _renumber(self) -> None:
        """The server gave its UIDs anew without saying so."""
        self._pushes.settle()
        self._offer(None, renumbered=self._place["generation"])

    def _due_again(
        self, unfinished: list[wire.Window], windows: list[wire.Window]
    ) -> list[wire.Window]:
        """Windows to be offered again, after the time that the master asked for."""
        keys, after = self._pushes.again, self._pushes.after
        if keys:
            self._pushes.again, self._pushes.after = set(), 0.0
            self._link.stop.wait(after)
        held_up = [w for w in windows if any(w.low <= key <= w.high for key in keys)]  # type: ignore[operator]
        return [*held_up, *(w for w in unfinished if w not in held_up)]

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
