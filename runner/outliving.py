"""What a thread that must live does about an error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError

log = logging.getLogger(__name__)


@contextmanager
def outlived(trouble: str, backoff: Backoff, stop: Event) -> Iterator[None]:
    """Say the trouble and why, and wait: the API may be back at any time."""
    try:
        yield
    except Exception as e:
        pause = backoff.pause(e)
        unforeseen = None if isinstance(e, PostroomError) else e
        log.warning("%s: %s", trouble, reason(e), exc_info=unforeseen)
        stop.wait(pause)
    else:
        backoff.reset()
