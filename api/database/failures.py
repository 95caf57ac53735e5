"""What PostgreSQL and its library say when something fails, and which of it passes by itself."""

import peewee
import psycopg
from psycopg import errors

ALL = (peewee.PeeweeException, psycopg.Error)
#: Of those with a code: the server ends or begins, or the network between was cut.
_LOST = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.TooManyConnections,
    errors.IdleInTransactionSessionTimeout,
)
_PASSING = {
    errors.DeadlockDetected: "two wrote crosswise",
    errors.SerializationFailure: "two wrote crosswise",
    errors.LockNotAvailable: "others write for too long",
    errors.DiskFull: "the server's disk is full",
    errors.OutOfMemory: "the server has no memory left",
}


def is_lost(e: BaseException) -> bool:
    """Whether the server is away: not reached, shut down, or out of connections."""
    cause = _cause(e)
    if isinstance(cause, _LOST):
        return True
    # What the library says by itself has no code, or one of those for connections.
    return isinstance(cause, psycopg.OperationalError) and (cause.sqlstate or "08")[:2] == "08"


def passing(e: BaseException) -> str:
    """Why the same may work a little later; "" when it will not."""
    cause = _cause(e)
    return next((why for kind, why in _PASSING.items() if isinstance(cause, kind)), "")


def _cause(e: BaseException) -> BaseException:
    """The library's own error, which peewee's has in it."""
    own = getattr(e, "orig", None)
    return own if isinstance(own, BaseException) else e
