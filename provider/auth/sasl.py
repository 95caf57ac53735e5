"""The first message of a login by access token; base64 is the caller's."""

from collections.abc import Callable, Collection
from typing import NamedTuple


class Mechanism(NamedTuple):
    """A way to show an access token."""

    name: str
    #: The message, from user, token, host and port.
    first: Callable[[str, str, str, int], bytes]
    #: The answer to a challenge, by which a server explains its NO.
    end: bytes


def _xoauth2(user: str, token: str, host: str, port: int) -> bytes:
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def _oauthbearer(user: str, token: str, host: str, port: int) -> bytes:
    name = user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


#: Google's and Microsoft's own way, which both go on to offer.
XOAUTH2 = Mechanism("XOAUTH2", _xoauth2, b"")
#: RFC 7628, 3.1 and 3.2.3.
OAUTHBEARER = Mechanism("OAUTHBEARER", _oauthbearer, b"\x01")


def chosen(offered: Collection[str]) -> Mechanism | None:
    """The one to take of those that a server offers."""
    return next((each for each in (XOAUTH2, OAUTHBEARER) if each.name in offered), None)
