"""A huge mail that is tried again, read again or served is in memory once."""

import base64
import os
import random
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.servers import forked, processes
from tests.servers.daemons import Daemons
from tests.waiting import wait_until

MEGABYTE = 2**20
#: What the mail needs at the most besides what a process has at rest.
SIZE = 80
MOST = SIZE * 1.4
HEAD = b"Subject: mail BROKEN\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
FILE = (
    b"--b\r\n\r\nwords\r\n--b\r\n"
    b"Content-Disposition: attachment; filename=a\r\nContent-Transfer-Encoding: base64\r\n\r\n"
)


@pytest.fixture(scope="module")
def content() -> bytes:
    """Of the attached file."""
    return random.Random(1).randbytes(SIZE * MEGABYTE * 3 // 4 * 76 // 78)


@pytest.fixture(scope="module")
def raw(content: bytes) -> bytes:
    """The mail."""
    return HEAD + FILE + base64.encodebytes(content).replace(b"\n", b"\r\n") + b"--b--\r\n"


@pytest.fixture
def chain(daemons: Callable[..., Daemons], tmp_path: Path, raw: bytes) -> Daemons:
    """A chain in whose quarantine lies a huge mail, which version 2 of the parser can read."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    (tmp_path / "Maildir" / "cur" / "1.host:2,S").write_bytes(raw)
    made = daemons({"work": {"source": "maildir", "path": tmp_path / "Maildir"}})
    made.environment = {**forked.importing("mending"), "POSTROOM_TEST_PARSER": "1"}
    made.start("api", "master")
    made.pull()
    return made


def most_megabytes(chain: Daemons, word: str) -> float:
    """Run a master to its end; the most memory that the process or one of its children had."""
    words = ["--config", str(chain.folder / "config.ini"), word]
    process = forked.start(
        "master", words, chain.folder, chain.environment, None, None, is_forked=False
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0
    return used.ru_maxrss / 1024


def peak(chain: Daemons, name: str) -> float:
    pid = chain.processes[name].pid
    return max(map(processes.peak_megabytes, [pid, *processes.children(pid)]))


def aside(chain: Daemons) -> list[dict[str, Any]]:
    return chain.items("/v1/quarantine")


@pytest.mark.long
def test_tried_again(chain: Daemons) -> None:
    (item,) = aside(chain)
    chain.terminate("master")
    (chain.folder / "master.log").unlink()
    chain.environment["POSTROOM_TEST_PARSER"] = "2"
    chain.start("master")
    rest = peak(chain, "master")

    chain.post(f"/v1/quarantine/{item['id']}/retry", {})

    wait_until(lambda: not aside(chain), 60, "the mail to leave quarantine")
    assert peak(chain, "master") - rest < MOST


def test_read_again_and_served(chain: Daemons, raw: bytes, content: bytes) -> None:
    chain.environment["POSTROOM_TEST_PARSER"] = "2"
    idle = most_megabytes(chain, "--help")

    first = most_megabytes(chain, "reparse")

    assert not aside(chain)
    assert first - idle < MOST
    rest = peak(chain, "api")
    (found,) = chain.items("/v1/mails")
    assert chain.get(f"/v1/mails/{found['id']}/raw") == raw
    assert peak(chain, "api") - rest < SIZE / 2
    served = chain.get(f"/v1/mails/{found['id']}/attachments/1")
    assert sha256(served).digest() == sha256(content).digest()
    # The mail, the file out of it, and what is under way.
    assert peak(chain, "api") - rest < 2.7 * SIZE
