"""Ports on the loopback address: free ones, and waiting until one opens or is let go."""

import socket
import time

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.socket() as s:
        s.bind((HOST, 0))
        port: int = s.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could bind the port now."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError:
            return False
        return True


def is_open(port: int) -> bool:
    """Whether somebody accepts connections."""
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def greeting(port: int) -> bytes:
    """What a server says first; empty when there is none."""
    try:
        with socket.create_connection((HOST, port), 5) as s:
            return s.recv(512)
    except OSError:
        return b""


def wait_free(ports: list[int], seconds: float = 5) -> None:
    """Wait until all are free again, but not for ever: who binds them next tells more."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(is_free(port) for port in ports):
        time.sleep(0.02)
