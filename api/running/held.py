"""Runs as their ends need to know them: one query, no more than that."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..models import database, now

_SELECT = """
    SELECT r.id, r.task_id, s.name, s.retries, r.worker, r.version, r.attempt, r.stop,
        r.log_out, r.log_err
    FROM runs r JOIN scripts s ON s.id = r.script_id JOIN tasks t ON t.id = r.task_id
    WHERE r.status = 'pending' AND """
_LEASED = _SELECT + "r.id = {0} AND r.claim = {0} AND t.state = 'leased' AND t.lease_until >= {0}"
_EXPIRED = _SELECT + "t.state = 'leased' AND t.kind = 'run' AND t.lease_until < {0}"
_ONE = _SELECT + "r.id = {0}"


class Held(NamedTuple):
    """A run that is not over."""

    id: int
    task: int
    script: str
    #: How often the script is to be tried again.
    retries: int
    worker: str
    version: int
    attempt: int
    #: Somebody wants it to end.
    stop: bool
    log_out: int
    log_err: int


def leased(id_: int, claim: str) -> Held | None:
    """The run while this very lease lasts; call it inside a write transaction."""
    found = _found(_LEASED, id_, claim, now())
    return found[0] if found else None


def expired() -> Sequence[Held]:
    """Runs whose leases ran out."""
    return _found(_EXPIRED, now())


def one(id_: int) -> Held:
    """A run that is known not to be over."""
    (found,) = _found(_ONE, id_)
    return found


def _found(sql: str, *values: Any) -> Sequence[Held]:
    rows = database.execute_sql(sql.format(database.param), values)
    return [Held(*row) for row in rows.fetchall()]
