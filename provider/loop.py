"""One mailbox, for ever: pass over its folders, wait for news, tell that it lives."""

import logging
import threading
import time

from postroom import wire
from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError, RefusedError, SourceError
from postroom.tasks import Tasks

from . import cut, measured
from .auth import PausedError
from .link import Link, Shared
from .passes import FolderPass, Passed
from .quota import Quota, SpentError
from .sources import Limited, Limits, Metered, Source
from .tasks import KINDS, target_key
from .tools.problems import explain

log = logging.getLogger(__name__)

#: A listing is never skipped for longer.
LISTING_SECONDS = 3_600.0
#: How often the meaning of the UIDs is checked.
VERIFY_SECONDS = 86_400.0
#: Seconds between two looks whether somebody has logged in; only our own disk is asked.
PAUSED = 30.0
#: How often one complete pass is tried before --once gives up.
ONCE_TRIES = 5
#: Nobody waits for what is not tried again.
GIVEN_UP_SECONDS = 1.0


class Mailbox:
    """Runs in a thread of its own; only the master and the budget are shared."""

    def __init__(self, name: str, source: Source, shared: Shared, *, once: bool = False) -> None:
        self.name = name
        self._source = source
        self._shared = shared
        # Nobody is to wait for one that comes but once.
        limits = source.limits if isinstance(source, Limited) else Limits()
        account = shared.accounts.of(source.fingerprint)
        self._quota = Quota(account.day, limits.day_bytes)
        if isinstance(source, Metered):
            source.meter(self._quota)
        self._turn = account.turns.join(limits.connections)
        interval = 0.0 if once else shared.heartbeat_seconds
        self._link = Link(name, shared, interval, quota=self._quota)
        self._stop = shared.stop
        self._once = once
        #: With --once: whether nothing is missing.
        self.complete = False
        self._backoff = Backoff(spread_seconds=shared.spread_seconds)
        self._failures = 0
        self._tasks: Tasks[wire.Task] = Tasks(KINDS, "provider")
        self._cuts: dict[tuple[str, int], cut.Cut] = {}
        self._listed: dict[str, float] = {}
        self._verified: dict[str, float] = {}
        self._missing = 0
        #: Why some folder cannot be read, for the next sign of life.
        self._problem = ""
        #: Whether that is only the day's budget.
        self._resting = False
        self._quiet = False
        #: The last one of each folder.
        self.receipts: dict[str, wire.Receipt] = {}
        self._paused = ""
        shared.numbers.set(measured.STATE, 0.0, name)

    @property
    def problem(self) -> str:
        """Why some folder could not be read; "" when all could."""
        return self._problem

    def run(self) -> None:
        """Live until told to stop, or with --once until all was passed over."""
        log.info(
            "Slave %s: hello, %s, asking Master at %s",
            self.name, self._source.title, self._shared.address,
        )  # fmt: skip
        try:
            self._live()
        finally:
            self._turn.leave()

    def _live(self) -> None:
        while not self._stop.is_set():
            try:
                self._session()
            except Exception as e:  # noqa: BLE001 - logged with its traceback
                # The thread must live: the other end may be mended at any time.
                self._failed(e)
            else:
                return
            finally:
                self._let_go()
            if self._once and self._failures >= ONCE_TRIES:
                return

    def _session(self) -> None:
        self._link.hello(self._source)
        while self._has_turn():
            sent = self._visit()
            if self._once:
                self._sign_of_life(self._problem)
                self.complete = not self._missing and not self._problem
                return
            # While it brought mail, more may have come: look again before waiting.
            if not sent:
                self._wait()
            elif self._turn.is_short:
                self._let_go()
            if self._tasks.open("verify"):
                # Whether one can log in is known by logging in.
                self._let_go()

    def _has_turn(self) -> bool:
        """Connect, once the account has a connection to spare; False when told to stop."""
        while not self._stop.is_set():
            if self._turn.held:
                return True
            if self._turn.take(self._shared.heartbeat_seconds, self._stop):
                self._source.connect()
                self._shared.numbers.add(measured.CONNECTS, self.name)
                return True
            self._sign_of_life(self._problem)
        return False

    def _let_go(self) -> None:
        self._source.close()
        self._turn.give_back()

    def _failed(self, error: Exception) -> None:
        """Say so, here and to the master, and leave the source alone for a while."""
        if self._stop.is_set():
            return
        self._failures += 1
        self._shared.numbers.add(measured.ERRORS, self.name)
        self._shared.numbers.set(measured.STATE, 0.0, self.name)
        self._let_go()
        if not isinstance(error, PostroomError):
            log.error("Slave %s: %s", self.name, reason(error), exc_info=error)
        pause = PAUSED if isinstance(error, PausedError) else self._backoff.pause(error)
        if self._once and isinstance(error, SourceError | SpentError):
            self._failures = ONCE_TRIES
            pause = min(pause, GIVEN_UP_SECONDS)
        # One that is paused says so once, and looks often.
        known = isinstance(error, PausedError) and str(error) == self._paused
        self._paused = str(error) if isinstance(error, PausedError) else ""
        level = logging.DEBUG if known else logging.WARNING
        log.log(level, "Slave %s: %s; trying again in %.0f s", self.name, reason(error), pause)
        if isinstance(error, RefusedError):
            # It is the master who says no: HELLO comes first.
            self._stop.wait(pause)
        else:
            # It has had its try: left open it would end each rest, and servers lock accounts.
            for task in self._tasks.open("sync"):
                self._tasks.done(task, reason(error))
            for task in self._tasks.open("verify"):
                self._tasks.done(task, self._explained(error))
            self._resting = isinstance(error, SpentError)
            self._rest(pause, reason(error))

    def _rest(self, seconds: float, error: str) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stop.is_set():
            try:
                self._sign_of_life(error, left)
            except PostroomError as e:
                log.info("Slave %s: nobody to tell: %s", self.name, e)
            if self._tasks.open("sync") or self._tasks.open("verify"):
                return
            self._stop.wait(min(left, self._shared.heartbeat_seconds))

    # --- passes

    def _visit(self) -> int:
        """One pass over each folder; how many items were pushed.

        A folder that cannot be read does not hold up the others.
        """
        problems, seen, sent, self._missing = [], [], 0, 0
        self._quota.holds_back = False
        verify, sync = self._tasks.open("verify"), self._tasks.open("sync")
        for name in self._source.folders():
            if self._stop.is_set():
                return sent
            try:
                passed = self._pass(name, again=bool(verify))
            except SourceError as e:
                log.warning("Slave %s: %s: %s", self.name, name, e)
                problems.append(f"{name}: {e}")
                seen.append(f"{name}: {self._explained(e)}")
            else:
                sent += passed.sent
                seen.append(f"{name}: {self._listed_in(name)}")
        self._carry_out()
        spent = self._spent()
        self._problem = "; ".join([*problems, *spent])
        self._resting = bool(spent) and not problems
        for task in sync:
            self._tasks.done(task, self._problem or f"passed over, {sent} pushed")
        for task in verify:
            self._tasks.done(task, "; ".join(["connected and logged in", *seen, *spent]))
        self._no_new_mail(sent)
        self._shared.numbers.add(measured.ERRORS, self.name, value=len(problems))
        self._shared.numbers.set(measured.STATE, float(not problems), self.name)
        if not problems:
            self._shared.numbers.set(measured.PASSED, time.time(), self.name)
            self._backoff.reset()
            self._failures = 0
        return sent

    def _explained(self, error: Exception) -> str:
        found = explain(error, self._source.title)
        return f"{found.words}: {found.remedy} ({reason(error)})"

    def _listed_in(self, folder: str) -> str:
        receipt = self.receipts.get(folder)
        return f"{receipt.listed:,} listed, {receipt.missing:,} missing" if receipt else "listed"

    def _spent(self) -> list[str]:
        """What to tell of a day's budget that is spent; in the log, once for each time."""
        spent = [str(self._quota)] if self._quota.holds_back else []
        if spent and spent[0] not in self._problem:
            log.warning("Slave %s: %s", self.name, *spent)
        return spent

    def _pass(self, name: str, *, again: bool) -> Passed:
        now = time.monotonic()
        folder = self._source.open(name)
        verify = again or now - self._verified.get(name, -VERIFY_SECONDS) >= VERIFY_SECONDS
        full = verify or now - self._listed.get(name, -LISTING_SECONDS) >= LISTING_SECONDS
        passed = FolderPass(self._link, folder).run(self._cuts, full=full, verify=verify)
        if passed.answer:
            self._listed[name] = now
            if verify:
                self._verified[name] = now
            self._tasks.add(passed.answer.tasks)
            self._tell(name, passed.answer.receipt)
        return passed

    def _tell(self, folder: str, receipt: wire.Receipt | None) -> None:
        if receipt is None:
            return
        self.receipts[folder] = receipt
        self._missing += receipt.missing
        counts = [f"{receipt.listed:,} listed", f"{receipt.stored:,} stored"]
        for word in ("quarantined", "refused", "too_big", "purged", "gone"):
            if count := getattr(receipt, word):
                counts.append(f"{count:,} {word.replace('_', ' ')}")
        counts.append(f"{receipt.missing:,} missing")
        log.info("Slave %s: %s: %s", self.name, folder, ", ".join(counts))

    def _no_new_mail(self, sent: int) -> None:
        """Said once, not at every look."""
        if sent:
            self._quiet = False
        elif not self._quiet:
            self._quiet = True
            log.info("Slave %s: no new mail", self.name)

    # --- waiting

    def _wait(self) -> None:
        """Until there is news, a look is due or the master wants something."""
        rest = self._quota.rest(self._source.poll_seconds())
        wait = self._source.wait
        if self._turn.is_short or self._quota.is_closed:
            # The others need the connection, or no news would be of any use.
            self._let_go()
            wait = _sleep
        soonest = self._link.later.soonest()
        look = time.monotonic() + (rest if soonest is None else min(rest, soonest))
        alive = time.monotonic()
        while not self._stop.is_set() and not self._tasks.waiting:
            now = time.monotonic()
            if now >= alive:
                self._sign_of_life(self._problem, self._quota.wait or max(0.0, look - now))
                alive = now + self._shared.heartbeat_seconds
            elif now >= look or wait(min(look, alive) - now, self._stop):
                return

    def _sign_of_life(self, error: str = "", next_try: float = 0.0) -> None:
        results = self._tasks.results()
        request = wire.Pass(
            **self._link.place("", 0),
            error=error[:1_000],
            next_try=next_try if error else 0.0,
            resting=self._resting and bool(error),
            done=results,
        )
        answer: wire.PassReply = self._link.ask(request)
        self._tasks.told(results)
        self._tasks.add(answer.tasks)

    def _carry_out(self) -> None:
        for task in self._tasks.open("fetch"):
            key = target_key(task.target)
            if key is None:
                self._tasks.done(task, "the task names no key")
                continue
            try:
                folder = self._source.open(str(task.target.get("folder") or "INBOX"))
                if task.target.get("uidvalidity", folder.uidvalidity) != folder.uidvalidity:
                    # The key names another mail now, which is offered by itself.
                    self._tasks.done(task, "the server has given its UIDs anew")
                elif result := FolderPass(self._link, folder).fetch(key):
                    self._tasks.done(task, result)
            except SourceError as e:
                self._tasks.done(task, str(e))


def _sleep(seconds: float, stop: threading.Event) -> bool:
    stop.wait(seconds)
    return False
