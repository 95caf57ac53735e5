"""What it means when a server says no, or nothing: tell somebody, come later, or try again."""

import ssl

import requests

from postroom.errors import PostroomError, SourceError, TemporaryError
from postroom.web.answers import cause_of, causes, retry_after

from .hosts import DEFAULT_REST

#: Seconds that a look waits for a host that asks for it; longer ones are left to the next look.
SHORT_REST = 15.0
#: The server may do better in a moment.
_PASSING = frozenset({408, 425, 500, 502, 503, 504})
_ADVICE = {
    401: ": set user and password_file in its section",
    403: ": it does not let us in",
    404: ": there is nothing (any more)",
    410: ": there is nothing any more",
}
_OLD = "the server has no TLS 1.2 or newer, and nothing older is safe: it has to be updated"
_PLAIN = "what answers there is no TLS: is the address meant to begin with http: ?"
_NO_TLS = {
    "UNSUPPORTED_PROTOCOL": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "WRONG_VERSION_NUMBER": _PLAIN,
    "RECORD_LAYER_FAILURE": _PLAIN,
}


class BrokenError(TemporaryError):
    """The connection, or the server for the moment: another try may help."""


def rest_of(status: int, told: str | None) -> float | None:
    """Seconds that a server wants to be left alone for, by its status and Retry-After."""
    after = retry_after(told)
    if status == 429:
        return DEFAULT_REST if after is None else after
    return after if status in _PASSING else None


def of_status(url: str, status: int, rest: float | None) -> PostroomError | None:
    """The error that a status is; None where it brings something: 2xx, 304 and 416."""
    if status < 300 or status in (304, 416):
        return None
    answers = f"{url}: the server answers {status}"
    if rest is not None:
        kind = BrokenError if rest <= SHORT_REST else TemporaryError
        return kind(f"{answers}, to be asked again in {rest:.0f} s", rest)
    if status in _PASSING or status > 505:
        return BrokenError(answers)
    return SourceError(f"{answers}{_ADVICE.get(status, '')}")


def of_request(url: str, error: Exception) -> PostroomError:
    """The error that one of requests or urllib3 is."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(
                f"{url}: the server's certificate is not trusted ({cause.verify_message}): "
                "set ca_file if it is your own CA"
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            return SourceError(f"{url}: {_NO_TLS[cause.reason]}")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
        return SourceError(f"{url}: cannot be asked for: {error}")
    return BrokenError(f"{url}: does not answer: {cause_of(error)}")
