"""What the API does by the clock: looks whether the store is whole, collects what is nobody's."""

import logging
import threading
import time

from postroom.errors import PostroomError
from postroom.storage import Storage, StorageBrokenError

from . import damage
from .database import Database, end_process

log = logging.getLogger(__name__)
CHECK_SECONDS = 600.0
COLLECT_SECONDS = 86_400.0
#: An object that no row names may belong to a push under way: it is left alone this long.
UNTOUCHED_SECONDS = 7 * 86_400.0


def start(db: Database, storage: Storage, stop: threading.Event) -> threading.Thread:
    """Run until `stop` is set, in a thread of its own."""
    thread = threading.Thread(target=_run, args=(db, storage, stop), name="upkeep", daemon=True)
    thread.start()
    return thread


def _run(db: Database, storage: Storage, stop: threading.Event) -> None:
    collected = time.monotonic()
    while not stop.is_set():
        try:
            damage.check(db, storage)
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
