"""What the API does by the clock: looks whether the store is whole, collects what is nobody's."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial

from postroom.errors import PostroomError
from postroom.storage import Storage, StorageBrokenError

from . import eventlog
from .database import Database, end_process
from .objects import damage
from .objects.kept import FILES, MAILS, RUNS, Kept
from .purging import purge
from .purging.rules import Rules
from .running import attendance, lost, retention
from .sources.silence import Watch
from .telling import courier
from .telling.lookout import Lookout

log = logging.getLogger(__name__)
CHECK_SECONDS = 600.0
COLLECT_SECONDS = 86_400.0
#: At each start besides.
COMPARE_SECONDS = 86_400.0
LOOK_SECONDS = 15.0
ALARM_SECONDS = 3.0
#: So often it is looked whether the last purge was a day ago.
PURGE_SECONDS = 60.0
#: An object that no row names may belong to a push under way: it is left alone this long.
UNTOUCHED_SECONDS = 7 * 86_400.0


def start(
    db: Database,
    mails: Storage,
    files: Storage,
    stop: threading.Event,
    *,
    events_days: int = 0,
) -> None:
    """Run until `stop` is set, in threads of their own: to check a store may take long."""
    for storage, kept in ((mails, MAILS), (files, FILES), (files, RUNS)):
        name = f"upkeep of {kept.holds}"
        threading.Thread(
            target=_run, args=(db, storage, kept, stop), name=name, daemon=True
        ).start()
    threading.Thread(target=_watch, args=(db, stop, events_days), name="watch", daemon=True).start()


def keep_watch(
    db: Database, lookout: Lookout, delivered_hours: float, stop: threading.Event
) -> None:
    """Look after alarms, and clear up deliveries, until `stop` is set, in a thread of its own."""
    looks = (lookout.look, partial(courier.clear_up, db, delivered_hours))
    threading.Thread(
        target=_look, args=(db, "alarms", looks, ALARM_SECONDS, stop), name="alarms", daemon=True
    ).start()


def purge_daily(db: Database, stores: purge.Stores, said: Rules, stop: threading.Event) -> None:
    """Delete what the rules no longer keep, once a day, until `stop` is set; in a thread."""
    looks = (partial(purge.daily, db, stores, said, stop),)
    threading.Thread(
        target=_look, args=(db, "purge", looks, PURGE_SECONDS, stop), name="purge", daemon=True
    ).start()


def _watch(db: Database, stop: threading.Event, events_days: int) -> None:
    watch, began = Watch(db), datetime.now(UTC)
    looks = (
        watch.look,
        partial(lost.look, db),
        partial(attendance.look, db, began),
        partial(eventlog.clear_up, db, events_days),
    )
    _look(db, "watch", looks, LOOK_SECONDS, stop)


def _look(
    db: Database,
    name: str,
    looks: Iterable[Callable[[], object]],
    seconds: float,
    stop: threading.Event,
) -> None:
    # One that fails keeps no other from its look.
    while not stop.wait(seconds):
        try:
            with db.alone(name) as is_alone:
                for look in looks if is_alone else ():
                    _look_once(look)
        except PostroomError as e:
            log.warning("API: looking after things failed, trying again later: %s", e)
        finally:
            db.release()


def _look_once(look: Callable[[], object]) -> None:
    try:
        look()
    except PostroomError as e:
        log.warning("API: looking after things failed, trying again later: %s", e)
    except Exception:
        log.exception("API: looking after things failed, trying again later")


def _run(db: Database, storage: Storage, kept: Kept, stop: threading.Event) -> None:
    due = _Due(storage, kept)
    while not stop.is_set():
        try:
            # Of several processes one looks after a store.
            with db.alone(f"upkeep of {kept.holds}") as is_alone:
                if is_alone:
                    due.do(db)
        except StorageBrokenError as e:
            end_process("the object store", e)
        except PostroomError as e:
            log.warning("API: upkeep failed, trying again later: %s", e)
        except Exception:
            log.exception("API: upkeep failed, trying again later")
        finally:
            db.release()
        stop.wait(CHECK_SECONDS)


class _Due:
    """What is due for a store at one look after it."""

    def __init__(self, storage: Storage, kept: Kept) -> None:
        self._storage, self._kept = storage, kept
        self._collected, self._compared = time.monotonic(), -math.inf

    def do(self, db: Database) -> None:
        """Do it."""
        damage.check(db, self._storage, self._kept)
        if self._kept is RUNS and (deleted := retention.clear_up(db, self._storage)):
            log.info("API: deleted %d runs that their scripts no longer keep", deleted)
        # A store that counts no commits cannot tell by itself that it lost something.
        if not self._storage.batch() and time.monotonic() - self._compared > COMPARE_SECONDS:
            self._compared = time.monotonic()
            _compare(db, self._storage, self._kept)
        if time.monotonic() - self._collected > COLLECT_SECONDS:
            self._collected = time.monotonic()
            _clear_up(db, self._storage, self._kept)


def collect(db: Database, mails: Storage, files: Storage) -> None:
    """Delete what no row names and nobody touched for a week; look for what is gone."""
    _clear_up(db, mails, MAILS)
    _clear_up(db, files, FILES)
    _clear_up(db, files, RUNS)


def _clear_up(db: Database, storage: Storage, kept: Kept) -> None:
    deleted = damage.collect(db, storage, time.time() - UNTOUCHED_SECONDS, kept)
    log.info("API: collected %d objects of %s that no row names", deleted, kept.holds)
    _compare(db, storage, kept)


def _compare(db: Database, storage: Storage, kept: Kept) -> None:
    if lost := damage.compare(db, storage, kept):
        log.warning("API: %d objects of %s are gone and wanted again", lost, kept.holds)
