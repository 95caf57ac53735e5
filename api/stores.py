"""The object stores that rows rely on, and what to do when one lost something."""

from .models import Store, now


def rely(store: str, batch: int) -> None:
    """Record that rows of this transaction rely on the store's commit of that number."""
    if not store:
        return
    Store.insert(store=store, batch=batch).on_conflict(
        conflict_target=[Store.store],
        update={"batch": batch, "changed": now()},
        where=Store.batch < batch,
    ).execute()
