"""kill -9 at any point of a look: each file stored once, in one digest, nothing left behind."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.chain import pages
from tests.chain.pages import bodies, digest, events, files, page
from tests.long import one_in
from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.servers.smtp import SmtpServer
from tests.servers.supervised import RandomKiller, revive
from tests.servers.web import WebServer

POINTS = [
    "monitor.loop:Watched._offer:before:1",
    "api.watching.links:answer:before:1",
    "api.watching.links:_insert:after:1",
    "api.watching.links:answer:after:1",
    "master.pipeline:Pipeline._watching:after:1",
    "monitor.loop:Watched._offer:after:1",
    "monitor.download:download:after:2",
    "monitor.bringing:_store:before:2",
    "postroom.storage.directory:DirectoryStorage.open_write:after:2",
    "monitor.bringing:_store:after:2",
    "monitor.bringing:Bringing._tell:before:1",
    "api.watching.files:take:before:1",
    "api.watching.files:_Batch.settle:after:2",
    "api.watching.files:_Batch.close:after:1",
    # Before and after the COMMIT of the database.
    "api.objects.stores:rely:after:1",
    "api.watching.files:take:after:1",
    "master.queue:Queue.finished:before:3",
    "monitor.bringing:Bringing._tell:after:1",
    "monitor.loop:Watched._end:before:1",
    "api.watching.digests:make:after:1",
    "api.watching.pages:looked:after:1",
    "monitor.loop:Watched._end:after:1",
    "api.watching.pulse:answer:after:1",
    "monitor.service:Service._send:before:1",
    # It went out, and nobody knows.
    "monitor.service:Service._send:after:1",
    "api.watching.digests:sent:before:1",
    "api.watching.digests:sent:after:1",
    "api.watching.pulse:answer:after:2",
]
SOME = {f"{number}.pdf": b"%d" % number * 1000 for number in range(1, 7)}


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def look_until_told(
    chain: Daemons, seconds: float = 60, killer: RandomKiller | None = None
) -> None:
    """What a supervisor does: one look after another until one goes well and all is mailed."""
    end = time.monotonic() + seconds
    monitor = chain.watch("--once")
    while time.monotonic() < end:
        revive(chain)
        if killer:
            killer.look(chain)
        if monitor.poll() is not None:
            if monitor.returncode == 0 and (not killer or killer.is_done) and is_told(chain):
                return
            monitor = chain.watch("--once")
        time.sleep(0.02)
    logs = "\n".join(chain.log(name)[-3000:] for name in ("monitor", "master", "api"))
    raise AssertionError(f"not told after {seconds} s:\n{logs}")


def is_told(chain: Daemons) -> bool:
    return all(each["state"] != "due" for each in chain.items("/v1/digests"))


def expect_whole(chain: Daemons, smtp: SmtpServer, expected: Mapping[str, bytes]) -> None:
    """Each file is stored once, readable, in one digest; nothing else is left anywhere."""
    assert bodies(chain) == expected
    assert events(chain)["file.stored"] == len(expected)
    assert events(chain)["file.failed"] == 0
    digests = chain.items("/v1/digests")
    assert sum(each["files"] for each in digests) == len(expected)
    assert {each["message_id"] for each in digests} == {
        mail.mail["Message-ID"] for mail in smtp.mails
    }
    named = [mail.mail.get_body(("plain",)) for mail in smtp.mails]
    text = "\n".join(part.get_content() for part in named if part)
    assert [name for name in expected if f"* {name}" not in text] == []
    assert pages.spooled(chain) == []
    # The store sweeps what it was writing when it died.
    held = [path.name for path in (chain.folder / "data/files/pages").rglob("*.pdf")]
    assert sorted(held) == sorted(expected)


@pytest.mark.parametrize("point", one_in(12, POINTS))
def test_killed_at_a_named_point(
    daemons: Callable[..., Daemons],
    web: WebServer,
    smtp: SmtpServer,
    tmp_path: Path,
    point: str,
) -> None:
    files(web, SOME)
    chain = daemons({}, {"page docs": page(web), "digest": digest(smtp)})
    flag = tmp_path / "killed"
    chain.environment = {
        **forked.importing("killing", "leasing"),
        "POSTROOM_KILL_AT": point,
        "POSTROOM_KILL_FLAG": str(flag),
    }
    chain.start("api", "master")

    look_until_told(chain, 150)

    assert flag.exists(), "the point was never reached"
    expect_whole(chain, smtp, SOME)


def test_killed_at_random(
    daemons: Callable[..., Daemons], web: WebServer, smtp: SmtpServer
) -> None:
    many = {f"{number}.pdf": b"%d" % number * 100 for number in range(1, 120)}
    files(web, many)
    sections = {"page docs": page(web), "digest": digest(smtp), "master": {"workers": 2}}
    chain = daemons({}, sections)
    chain.environment = forked.importing("leasing")
    chain.start("api", "master")

    killer = RandomKiller(10, 11, pause=1.0, names=("api", "master", "worker", "monitor"))
    look_until_told(chain, 200, killer)

    expect_whole(chain, smtp, many)
