"""Writes the rings of a Swift of one node: `python -m tests.servers.swift_rings FOLDER NAME=PORT`.

A program of its own: whoever imports Swift has eventlet in the process, which warns of each fork.
"""

import sys

from swift.common.ring import RingBuilder

from tests.servers.ports import HOST


def write(folder: str, name: str, port: int) -> None:
    """Write where that keeper's one device is."""
    builder = RingBuilder(4, 1, 1)
    address = {"ip": HOST, "port": port, "replication_ip": HOST, "replication_port": port}
    device = {"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": ""}
    builder.add_dev({**device, **address})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{name}.ring.gz")


if __name__ == "__main__":
    for keeper, _, number in (pair.partition("=") for pair in sys.argv[2:]):
        write(sys.argv[1], keeper, int(number))
