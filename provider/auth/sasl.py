"""The first message of a login by access token; base64 is the caller's."""

#: What to answer to a server that explains with a challenge why it says no.
XOAUTH2_END, OAUTHBEARER_END = b"", b"\x01"


def xoauth2(user: str, token: str) -> bytes:
    """Google's and Microsoft's own way.

    POP3 sends it after `AUTH XOAUTH2` on a line of its own: with the command, it would be longer
    than a command line may be (RFC 5034, 4).
    """
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def oauthbearer(user: str, token: str, host: str, port: int) -> bytes:
    """RFC 7628, 3.1."""
    name = user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()
