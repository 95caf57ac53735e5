"""Huge mails: in parts, never whole in memory more than once, and never begun again."""

import base64
import os
import random
import signal
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.chain.conftest import account
from tests.chain.mails import hashes, mails
from tests.long import one_in
from tests.servers import processes
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.slow_link import SlowLink
from tests.waiting import wait_until

MEGABYTE = 2**20
#: What one process may need for a mail of 100 MB besides what it has at rest.
MOST_MEGABYTES = 150


def text() -> bytes:
    """A mail of text alone."""
    return mails(1, first=9)[0] + b"0123456789abcde\r\n" * (100 * MEGABYTE // 17)


def attached(megabytes: int) -> bytes:
    """A mail with a file in base64."""
    content = random.Random(1).randbytes(megabytes * MEGABYTE * 3 // 4 * 76 // 78)
    head = [
        b"From: ann@example.org",
        b"Subject: huge",
        b"MIME-Version: 1.0",
        b'Content-Type: application/octet-stream; name="huge.bin"',
        b"Content-Transfer-Encoding: base64",
    ]
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return b"\r\n".join([*head, b"", encoded])


@pytest.fixture(scope="module")
def big() -> bytes:
    """Made when it is needed: each worker imports this module."""
    return attached(40)


def spooled(chain: Daemons) -> int:
    """Bytes of large mails that are on their way."""
    folder = chain.folder / "data" / "spool"
    return sum(file.stat().st_size for file in folder.iterdir()) if folder.exists() else 0


@pytest.mark.parametrize(
    "make", one_in(2, [partial(attached, 100), text]), ids=["attachment", "text"]
)
def test_a_mail_of_a_hundred_megabytes_is_in_memory_once(
    dovecot: Dovecot, chain: Daemons, make: Callable[[], bytes]
) -> None:
    raw = make()
    dovecot.deliver("work", [*mails(3), raw])
    master = chain.processes["master"].pid
    pids = {chain.provide().pid, master, *processes.children(master)}
    rest = {pid: processes.peak_megabytes(pid) for pid in pids}

    wait_until(lambda: len(chain.hashes()) == 4, 60, "the huge mail")

    assert sorted(chain.hashes()) == hashes([*mails(3), raw])
    grown = {pid: processes.peak_megabytes(pid) - rest[pid] for pid in pids}
    assert max(grown.values()) < MOST_MEGABYTES
    assert not chain.items("/v1/quarantine")


class Middle:
    """A chain in which a mail of 40 MB is half on its way to the master."""

    def __init__(self, chain: Daemons, server: SlowLink, master: SlowLink) -> None:
        self.chain = chain
        self.server = server
        self.master = master

    def cut_the_server(self) -> None:
        self.server.cut()

    def cut_the_master(self) -> None:
        self.master.cut()

    def restart_the_master(self) -> None:
        self.chain.kill("master")
        (self.chain.folder / "master.log").unlink()
        self.chain.start("master")

    def kill_the_workers(self) -> None:
        for pid in processes.children(self.chain.processes["master"].pid):
            os.kill(pid, signal.SIGKILL)

    def restart_the_provider(self) -> None:
        self.chain.kill("provider")
        self.chain.provide()


@pytest.fixture
def middle(dovecot: Dovecot, daemons: Callable[..., Daemons], big: bytes) -> Iterator[Middle]:
    dovecot.deliver("work", [*mails(3), big])
    with SlowLink(dovecot.ports.imap) as server:
        options = account(dovecot, port=server.port, tls="none", poll_seconds=1)
        chain = daemons({"work": options})
        with SlowLink(chain.master_port, bytes_per_second=20 * MEGABYTE) as master:
            chain.add("provider", master=f"tcp://127.0.0.1:{master.port}")
            chain.start("api", "master")
            chain.provide()
            wait_until(lambda: spooled(chain) >= 16 * MEGABYTE, 30, "half of the mail")
            yield Middle(chain, server, master)


@pytest.mark.parametrize(
    "happens",
    one_in(
        5,
        [
            Middle.cut_the_server,
            Middle.cut_the_master,
            Middle.restart_the_master,
            Middle.kill_the_workers,
            Middle.restart_the_provider,
        ],
    ),
)
def test_what_came_of_a_mail_is_not_sent_again(
    middle: Middle, big: bytes, happens: Callable[[Middle], None]
) -> None:
    happens(middle)

    wait_until(lambda: len(middle.chain.hashes()) == 4, 60, "the large mail")
    assert sorted(middle.chain.hashes()) == hashes([*mails(3), big])
    assert spooled(middle.chain) == 0
    # One part asks how far it has come, and two may have been on the way.
    assert middle.master.carried < len(big) + 16 * MEGABYTE


def test_what_is_read_back_is_what_came(dovecot: Dovecot, chain: Daemons, big: bytes) -> None:
    dovecot.deliver("work", [big])

    chain.pull()

    (item,) = chain.items("/v1/mails")
    assert chain.get(f"/v1/mails/{item['id']}/raw") == big
