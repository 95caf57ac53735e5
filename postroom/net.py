"""Addresses and ports of this machine."""

import socket
from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether listening on `host` keeps all others out."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_free(host: str, port: int) -> bool:
    """Whether somebody may listen there."""
    with socket.socket() as s:
        # As servers do: connections that ended a moment ago are no hindrance.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str) -> int:
    """A port that nobody has at present."""
    with socket.socket() as s:
        s.bind((host, 0))
        port: int = s.getsockname()[1]
        return port


def reachable(host: str) -> str:
    """A host that a client can connect to, where `host` is what a server binds."""
    if host in ("", "*", "0.0.0.0"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
