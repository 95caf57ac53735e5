"""Ports on the loopback address: free ones, and waiting until one opens or is let go."""

import os
import random
import socket
import time

HOST = "127.0.0.1"
#: Who of pytest-xdist's workers we are, or the only one: a part of names that no other takes.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "only")
#: Below those that systems give to connections, which could take one between choice and use.
CHOICE = range(18_000, 32_000)
_chosen: set[int] = set()
# Not Random's shared state: tests that set it would all choose the same.
_random = random.SystemRandom()


def free_port() -> int:
    """A port that nobody has, and that was not chosen before."""
    while True:
        port = _random.choice(CHOICE)
        if port not in _chosen and is_free(port):
            _chosen.add(port)
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
