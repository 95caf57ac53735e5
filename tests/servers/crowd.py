"""Many connections to a ZeroMQ port, from a process of their own that may open enough of them.

python -m tests.servers.crowd HOST PORT COUNT: says how many stand, keeps them until its input ends.
"""

import resource
import selectors
import socket
import sys

#: ZMTP 3.1, NULL mechanism, as a client: the greeting and READY for a REQ socket.
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03REQ"
#: What the process needs for itself.
OWN_FILES = 100
#: Fewer than libzmq lets wait for being accepted.
AT_ONCE = 50


def raise_limit(count: int) -> int:
    """Let this process open so many connections, or as many as it may; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + OWN_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - OWN_FILES


def connect(address: tuple[str, int], count: int) -> list[socket.socket]:
    """Connections that were greeted: half of them greet back, half stay silent."""
    made: list[socket.socket] = []
    while len(made) < count:
        group = [socket.create_connection(address, 10) for _ in range(min(AT_ONCE, count))]
        for peer in group[::2]:
            peer.sendall(GREETING + READY)
        _await_greetings(group)
        made += group
    return made


def _await_greetings(group: list[socket.socket]) -> None:
    with selectors.DefaultSelector() as selector:
        for peer in group:
            selector.register(peer, selectors.EVENT_READ)
        while selector.get_map():
            events = selector.select(10)
            if not events:
                raise TimeoutError("the port greets nobody any more")
            for key, _ in events:
                selector.unregister(key.fileobj)


def main() -> None:
    """Connect, tell, wait."""
    host, port, count = sys.argv[1], int(sys.argv[2]), raise_limit(int(sys.argv[3]))
    crowd = connect((host, port), count)
    sys.stdout.write(f"{len(crowd)}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
