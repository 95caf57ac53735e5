"""deploy/supervise with Debian's Monit: who dies or freezes is replaced, and the page shows all."""

import base64
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.deploy.house import MAIL, House
from tests.documents import ROOT
from tests.servers.ports import HOST, free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(
    not shutil.which("monit", path=f"{os.environ['PATH']}:/usr/sbin"),
    reason="needs Monit: make system-deps",
)
DAEMONS = ("api", "master", "provider")


class Monit(House):
    """The house, supervised."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        super().__init__(
            folder,
            POSTROOM_MONIT_PORT=self.port,
            POSTROOM_MONIT_SECONDS=1,
            POSTROOM_FROZEN_SECONDS=8,
            POSTROOM_START_SECONDS=15,
            POSTROOM_STOP_SECONDS=3,
        )
        with (folder / "monit.log").open("wb") as log:
            self.process = subprocess.Popen(
                [ROOT / "deploy" / "supervise"], env=self.given(), stdout=log, stderr=log
            )

    def page(self, password: str = "") -> tuple[int, str]:
        """Monit's status page."""
        request = urllib.request.Request(f"http://{HOST}:{self.port}/_status?format=text")
        if password:
            word = base64.b64encode(f"admin:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {word}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, ""

    def replaced(self, name: str, pid: int) -> None:
        """Wait until another process has its place."""
        wait_until(
            lambda: self.pid(name) not in (0, pid) and self.postroom("status", name)[0] == 0,
            120,
            f"another {name}: {self.log('monit')}",
        )


@pytest.fixture(scope="module")
def monit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monit]:
    monit = Monit(tmp_path_factory.mktemp("monit"))
    try:
        wait_until(lambda: all(map(monit.pid, DAEMONS)), 60, "all daemons")
        wait_until(lambda: monit.postroom("status")[0] == 0, 60, "all daemons")
        yield monit
    finally:
        with suppress(ProcessLookupError):
            monit.process.terminate()
        monit.process.wait(timeout=60)


def test_its_page_wants_the_password_and_lists_the_daemons(monit):
    told = (monit.folder / "data" / "monit.password").read_text().strip()

    assert monit.page() == (401, "")
    assert monit.page("monit")[0] == 401
    status, page = monit.page(told)
    assert status == 200
    assert [name for name in DAEMONS if f"'{name}'" not in page] == []
    assert monit.log("monit").count(told) == 1


def test_a_mail_is_one_json_file(monit):
    (monit.folder / "Maildir" / "new" / "1767000000.M1P1.host").write_bytes(MAIL)

    (file,) = wait_until(lambda: list(monit.folder.glob("json/*/*.json")), 60, "the file")
    assert '"Bonjour"' in file.read_text()


def test_who_is_killed_and_who_is_frozen_come_back(monit):
    killed = monit.signal("api", signal.SIGKILL)
    frozen = monit.signal("provider", signal.SIGSTOP)

    monit.replaced("api", killed)
    wait_until(monit.api_answers, 60, "the API")
    monit.replaced("provider", frozen)


def test_told_to_end_it_ends_them_all(monit):
    monit.process.terminate()

    assert monit.process.wait(timeout=60) == 0
    assert monit.postroom("status")[0] == 3
