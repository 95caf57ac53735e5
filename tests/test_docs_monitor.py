"""The guide to watched pages: each line does what it says, for a page and a mail server of ours."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import environment
from tests.chain.pages import digest, files, page
from tests.documents import BLOCK, commands, rows, text
from tests.servers import forked
from tests.servers.smtp import SmtpServer
from tests.servers.web import WebServer
from tests.test_docs_lines import Clone
from tests.waiting import wait_until

GUIDE = "docs/monitor.md"


class Watcher(Clone):
    """The folder of somebody who follows the guide; its addresses are ours."""

    def __init__(self, folder: Path, web: WebServer, smtp: SmtpServer) -> None:
        super().__init__(folder)
        self.smtp = smtp
        self._variables: dict[str, str] = {}
        self._ours = {
            "https://example.org/reports/": f"{web.url}/reports/",
            "smtp.example.org": smtp.host,
            "465": str(smtp.port),
        }
        for name, keys in {"page reports": page(web, "/reports/"), "digest": digest(smtp)}.items():
            lines = [f"[{name}]", *(f"{key} = {value}" for key, value in keys.items()), ""]
            with (folder / "config.ini").open("a") as config:
                config.write("\n".join(lines))

    def run(self, line: str) -> None:
        """Do what a line of the guide says."""
        match shlex.split(line):
            case ["export", *pairs]:
                given = dict(pair.split("=") for pair in pairs)
                self._variables |= {name: self._ours.get(v, v) for name, v in given.items()}
            case ["read", *_]:
                self.shell(f"bash -n -c {shlex.quote(line)}")
            case ["python", "-m", "monitor", "--alone", *rest]:
                self._alone(*rest)
            case _:
                super().run(line)

    def _alone(self, *arguments: str) -> None:
        """One program in a folder of its own, without any settings."""
        folder = self.folder / "alone"
        folder.mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            process = forked.start(
                "monitor", ["--alone", *arguments], folder, self._variables, log, log
            )
        if not arguments:
            wait_until(lambda: self.smtp.mails, 60, "the digest")
            process.terminate()
        assert process.wait(60) == 0
        assert {file.name for file in folder.glob("data/files/pages/*/*/*")} == {"a.pdf", "b.pdf"}

    def module(self, name: str, arguments: list[str]) -> None:
        """Run a monitor with the settings file."""
        if name != "monitor" or "--check" in arguments:
            super().module(name, arguments)
        elif "--once" in arguments:
            assert self.watch(*arguments, name="look").wait(60) == 0
        else:
            before = len(self.smtp.mails)
            self.watch(*arguments)
            wait_until(lambda: len(self.smtp.mails) > before, 60, "the digest")
            assert self.terminate("monitor") == 0


@pytest.fixture
def watcher(tmp_path: Path, web: WebServer) -> Iterator[Watcher]:
    files(web, {"a.pdf": b"one", "b.pdf": b"two"}, "/reports/")
    with SmtpServer() as smtp:
        daemons = Watcher(tmp_path, web, smtp)
        try:
            daemons.start("api", "master")
            yield daemons
        finally:
            daemons.close()


def test_each_line_of_the_guide_runs(watcher):
    for block in [block for kind, block in BLOCK.findall(text(GUIDE)) if kind == "sh"]:
        for line in commands(block):
            watcher.run(line)

    subjects = [came.mail["Subject"] for came in watcher.smtp.mails]
    assert subjects == ["2 new files: 127.0.0.1", "2 new files: reports"]


def test_each_variable_is_described():
    known = {*environment.PLAIN, *environment.SECRETS, "FM_DEBUG"}
    told = {name for name in rows(text(GUIDE)) if name[:3] in ("FM_", "FL_")}

    assert told == known
