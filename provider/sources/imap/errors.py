"""What servers and sockets say when it fails, in words that tell what to do."""

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient.exceptions import LoginError

from postroom.errors import PostroomError, SourceError, TemporaryError

from ...auth import LoginRefusedError
from .. import account

#: RFC 5530: these say that the server is at fault or busy, not the password.
_PASSING = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\]|too many", re.I)
#: A session whose token ended; whether it may go on is said at the next login (RFC 5530).
_ENDED = re.compile(r"\[(AUTHENTICATIONFAILED|EXPIRED)\]|AccessTokenExpired", re.I)
_BACKOFF = re.compile(r"Suggested Backoff Time: (\d+) milliseconds", re.I)
#: imaplib shows bytes as Python writes them.
_BYTES = re.compile(r"b(['\"])(.*)\1")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn whatever imaplib, the socket or TLS raises into our errors; `what` was being done."""
    try:
        yield
    except PostroomError:
        raise
    except imaplib.IMAP4.error as e:
        raise _refused(what, e) from e
    except (OSError, EOFError) as e:
        raise account.broken(what, e) from e
    except (ValueError, AssertionError, LookupError) as e:
        # imaplib and imapclient meet what no server should say.
        raise TemporaryError(
            f"{what}: the server's answer makes no sense: {e}", account.SOON
        ) from e


def _refused(what: str, e: imaplib.IMAP4.error) -> PostroomError:
    text = _BYTES.sub(r"\2", str(e))
    # imapclient calls all that happens at login a refused login.
    aborted = isinstance(e, imaplib.IMAP4.abort) or isinstance(e.__context__, imaplib.IMAP4.abort)
    # imaplib takes a greeting of BYE for a refusal.
    if aborted or text.startswith("* BYE"):
        return passing(f"{what}: the connection broke: {text}")
    if _PASSING.search(text) or _BACKOFF.search(text):
        return passing(f"{what}: {text}")
    if isinstance(e, LoginError):
        return LoginRefusedError(f"{what}: user name or password refused: {text}")
    if _ENDED.search(text):
        return passing(f"{what}: the session has ended: {text}")
    return SourceError(f"{what}: the server says no: {text}")


def passing(text: str) -> TemporaryError:
    """An error that time mends; after what the server asks for, if it does."""
    asked = _BACKOFF.search(text)
    return TemporaryError(text, int(asked[1]) / 1000 if asked else account.SOON)
