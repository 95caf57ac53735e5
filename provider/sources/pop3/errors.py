"""What servers and sockets say when it fails, in words that tell what to do."""

import poplib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from postroom.errors import PostroomError, SourceError, TemporaryError

from ...auth import LoginRefusedError
from .. import account

#: RFC 2449 and RFC 3206: what stands in brackets says whose fault it is.
_CODE = re.compile(r"^\[([A-Z/-]+)", re.I)
#: For servers without codes.
_IN_USE = re.compile(
    r"\bin use\b|(maildrop|mailbox)\b.{0,60}\block|\block.{0,40}\b(maildrop|mailbox)", re.I
)
_PASSING = re.compile(r"again later|too many|temporar|unavailable|busy", re.I)
#: Seconds, where the server wants a pause and does not say how long.
LOGIN_DELAY = 60.0


class InUseError(TemporaryError):
    """Another session has the maildrop; it may be the end of our own."""


@contextmanager
def told(what: str, *, login_delay: float | None = None) -> Iterator[None]:
    """Turn whatever poplib, the socket or TLS raises into our errors; `what` was being done.

    `login_delay`: a refusal is about a login, and this is the least time between two.
    """
    try:
        yield
    except PostroomError:
        raise
    except poplib.error_proto as e:
        raise _refused(what, str(e), login_delay) from e
    except (OSError, EOFError) as e:
        raise account.broken(what, e) from e
    except (ValueError, LookupError) as e:
        raise account.senseless(what, e) from e


def _refused(what: str, text: str, login_delay: float | None) -> PostroomError:
    found = _CODE.match(text)
    code = found[1].upper() if found else ""
    if code == "LOGIN-DELAY":
        after = login_delay or LOGIN_DELAY
        return TemporaryError(f"{what}: the server wants a pause of {after:.0f} s: {text}", after)
    if code == "IN-USE" or (not code and _IN_USE.search(text)):
        return InUseError(f"{what}: another client has the maildrop: {text}", account.SOON)
    if code == "SYS/TEMP" or (not code and _PASSING.search(text)):
        return TemporaryError(f"{what}: {text}", account.SOON)
    if login_delay is not None and code != "SYS/PERM":
        return LoginRefusedError(f"{what}: user name or password refused: {text}")
    return SourceError(f"{what}: the server says no: {text}")
