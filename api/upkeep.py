"""What the API does by the clock: looks whether the store is whole, collects what is nobody's."""

import logging
import math
import threading
import time

from postroom.errors import PostroomError
from postroom.storage import Storage, StorageBrokenError

from . import damage
from .database import Database, end_process
from .silence import Watch

log = logging.getLogger(__name__)
CHECK_SECONDS = 600.0
COLLECT_SECONDS = 86_400.0
#: At each start besides.
COMPARE_SECONDS = 86_400.0
LOOK_SECONDS = 15.0
#: An object that no row names may belong to a push under way: it is left alone this long.
UNTOUCHED_SECONDS = 7 * 86_400.0


def start(db: Database, storage: Storage, stop: threading.Event) -> None:
    """Run until `stop` is set, in threads of their own: to check a store may take long."""
    threading.Thread(target=_run, args=(db, storage, stop), name="upkeep", daemon=True).start()
    threading.Thread(target=_watch, args=(Watch(db), stop), name="watch", daemon=True).start()


def _watch(watch: Watch, stop: threading.Event) -> None:
    while not stop.wait(LOOK_SECONDS):
        try:
            watch.look()
        except PostroomError as e:
            log.warning("API: looking for silent sources failed, trying again later: %s", e)
        except Exception:
            log.exception("API: looking for silent sources failed, trying again later")


def _run(db: Database, storage: Storage, stop: threading.Event) -> None:
    collected, compared = time.monotonic(), -math.inf
    while not stop.is_set():
        try:
            damage.check(db, storage)
            # A store that counts no commits cannot tell by itself that it lost something.
            if not storage.batch() and time.monotonic() - compared > COMPARE_SECONDS:
                damage.compare(db, storage)
                compared = time.monotonic()
            if time.monotonic() - collected > COLLECT_SECONDS:
                collected = time.monotonic()
                collect(db, storage)
        except StorageBrokenError as e:
            end_process("the object store", e)
        except PostroomError as e:
            log.warning("API: upkeep failed, trying again later: %s", e)
        except Exception:
            log.exception("API: upkeep failed, trying again later")
        stop.wait(CHECK_SECONDS)


def collect(db: Database, storage: Storage) -> int:
    """Delete what no row names and nobody touched for a week."""
    deleted = damage.collect(db, storage, time.time() - UNTOUCHED_SECONDS)
    log.info("API: collected %d objects that no row names", deleted)
    return deleted
