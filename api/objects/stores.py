"""The object stores that rows rely on, and what to do when one lost something."""

from typing import Literal

from ..models import database, now

#: What rows find in a store.
Holds = Literal["mails", "files", "runs"]
_RELY = """
    INSERT INTO stores (created, changed, store, holds, batch) VALUES ({0}, {0}, {0}, {0}, {0})
    ON CONFLICT (store, holds) DO UPDATE SET batch = excluded.batch, changed = excluded.changed
    WHERE stores.batch < excluded.batch"""


def rely(store: str, batch: int, holds: Holds = "mails") -> None:
    """Record that rows of this transaction rely on the store's commit of that number."""
    if store:
        time, p = now(), database.param
        database.execute_sql(_RELY.format(p), (time, time, store, holds, batch))
