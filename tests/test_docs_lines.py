"""Every shell line of the documents does what they say, and the API answers as they show."""

import json
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zmq
from werkzeug.datastructures import Headers

from postroom import settings, wire
from postroom.storage import open_files, open_storage
from provider import login
from tests.api.document import DOCUMENT
from tests.documents import BLOCK, DOCUMENTS, ROOT, commands, messages, text
from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.servers.ports import HOST
from tests.waiting import wait_until

WITH_COMMANDS = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/oauth2.md",
    "docs/quickstart.md",
    "docs/settings.md",
    "docs/tools.md",
]
#: How people ask for what the protocol's examples are asked to do.
ASKED = {"sync": "/v1/mailboxes/home/sync", "check": "/v1/pages/prices/check"}
#: Words of what is done before any daemon runs.
ALONE = {"token", "keys", "--check"}
TOOLS = {"list", "fetch", "check", "verify", "delete"}

LUNCH = (
    b"From: Ann <ann@example.org>\r\nTo: team@example.org\r\nSubject: Lunch on Friday\r\n"
    b"Date: Fri, 30 Jan 2026 11:02:00 +0100\r\nMessage-ID: <lunch@example.org>\r\n\r\n"
    b"At one, as always?\r\n"
)
PRICES = (
    b"From: =?utf-8?q?=C3=89mile_Durand?= <emile@example.com>\r\nTo: team@example.org\r\n"
    b"Subject: =?utf-8?q?Prix_d'=C3=A9t=C3=A9?=\r\nDate: Thu, 29 Jan 2026 09:30:00 +0100\r\n"
    b"Message-ID: <prices@example.com>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nVoici les prix.\r\n--b\r\n"
    b"Content-Type: text/csv; name=prix.csv\r\nContent-Disposition: attachment\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nYSwxDQpiLDINCg==\r\n--b--\r\n"
)

#: What a monitor would have downloaded.
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
OBJECT = (f"pages/prices/{HELLO}/summer.pdf", b"hello")
#: What a runner would have brought.
OUTPUTS = [(f"runs/1/1/{name}", b"12 EUR") for name in ("output.txt", "rates.csv")]

MBOX = b"From ann@example.org Fri Jan 30 11:02:00 2026\r\n" + LUNCH


class Call(NamedTuple):
    """What a curl line asks for."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


def curl(line: str) -> Call:
    """Read a line as the shell and curl do, as far as the documents use them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = iter(list(lexer)[1:])
    headers, body, method, url = {}, None, "", ""
    for word in words:
        if word in ("-H", "-d", "-X"):
            value = next(words)
            if word == "-H":
                name, _, headers[name] = value.partition(": ")
            body = value if word == "-d" else body
            method = value if word == "-X" else method
        else:
            assert not url, f"the shell does not read this as one address: {line}"
            url = word
    start = "http://127.0.0.1:5000"
    assert url.startswith(start), line
    return Call(method or ("GET" if body is None else "POST"), url[len(start) :], headers, body)


class Clone(Daemons):
    """The folder of somebody who follows the documents, with two mails in a Maildir."""

    def __init__(self, folder: Path) -> None:
        for name in ("cur", "new", "tmp"):
            (folder / "Maildir" / name).mkdir(parents=True)
        for name, raw in {
            "1769767320.M1P7.host:2,S": LUNCH,
            "1769675400.M2P7.host": PRICES,
        }.items():
            (folder / "Maildir" / "cur" / name).write_bytes(raw)
        for name in ("config.example.ini", "imap_credentials.example.py"):
            (folder / name).write_text(text(name))
        super().__init__(folder, {"work": {"source": "maildir", "path": "Maildir"}})
        self.title = f"maildir at {folder / 'Maildir'}"

    def begin(self) -> None:
        """API and master run from now on, and both mails are stored."""
        if not self.processes:
            self.start("api", "master")
            self.pull()

    def ask(self, line: str) -> tuple[int, str]:
        """Status and answer of a curl line."""
        line = line.replace("'$STORAGE'", self.storage()).replace("'$FILES'", self.files())
        line = line.replace("'$ADMIN'", (self.folder / "data/admin.token").read_text().strip())
        if "'$CLAIM'" in line:
            line = line.replace("'$CLAIM'", self.claim())
        call = curl(line.replace("maildir:/home/me/Maildir", f"maildir:{self.folder}/Maildir"))
        connection = HTTPConnection(HOST, self.api_port, timeout=30)
        connection.request(call.method, call.path, call.body, call.headers)
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        path, _, query = call.path.partition("?")
        headers = Headers(answer.getheaders())
        thinned = "fields=" in query
        DOCUMENT.check(call.method, path, answer.status, headers, told, thinned=thinned)
        return answer.status, told.decode()

    def storage(self) -> str:
        """The id of the store, as `python -m master --check` prints it."""
        storage = open_storage("sqlite", self.folder / "data/mails.sqlite")
        storage.close()
        return storage.id

    def claim(self) -> str:
        """The lease that was given out last."""
        with closing(sqlite3.connect(self.folder / "data/postroom.sqlite")) as db:
            found = db.execute("SELECT claim FROM runs UNION SELECT claim FROM replays").fetchall()
        return max(str(claim) for (claim,) in found)

    def files(self) -> str:
        """The id of the store of files, in which there is one."""
        storage = open_files(settings.load(self.folder / "config.ini"))
        storage.put_many([OBJECT, *OUTPUTS])
        storage.close()
        return str(storage.id)

    def run(self, line: str) -> None:
        """Do what a line of the documents says, as far as a test can."""
        program, *words = shlex.split(line)
        match program, words:
            case "curl", _:
                self.begin()
                assert self.ask(line)[0] in (200, 201, 202)
            case "make", _:
                self.shell(f"make -n -C {shlex.quote(str(ROOT))} {shlex.join(words)}")
            case "cp", _:
                fresh = self.folder / "fresh"
                fresh.mkdir(exist_ok=True)
                self.shell(f"cp {self.folder}/*example* . && {line}", fresh)
            case "python3" | "pip" | "export", _:
                # The tests run in such an environment already.
                self.shell(f"bash -n -c {shlex.quote(line)}")
                assert all((ROOT / word).exists() for word in words if word.endswith(".txt"))
            case "deploy/postroom", _:
                # Started and stopped for good in tests/deploy.
                self.shell(f"bash -n {shlex.quote(str(ROOT / 'deploy/postroom'))}")
            case "python", ["-m", "provider", "login", *rest]:
                # Tested with a browser elsewhere; here nobody would log in.
                assert login.parser().parse_args(rest).name
            case "python", ["-m", name, *rest]:
                if not ALONE & set(rest):
                    self.begin()
                self.module(name, rest)
            case _:
                raise AssertionError(f"nobody knows how to test this line: {line}")

    def module(self, name: str, arguments: list[str]) -> None:
        """Run one of our own programs."""
        if name in ("api", "master") and not arguments:
            assert self.processes[name].poll() is None
        elif name == "api":
            self.api(arguments)
        elif name == "provider" and arguments[:1] == ["import"]:
            (self.folder / arguments[1]).write_bytes(MBOX)
            assert self.provide(*arguments, name="import").wait(timeout=30) == 0
        elif name == "provider" and TOOLS & set(arguments[:1]):
            self.once(name, arguments)
        elif name == "monitor" and "--alone" in arguments:
            # docs/monitor.md says the same, and is tested with a page.
            assert line_of(name, arguments) in text("docs/monitor.md").splitlines()
        elif name == "runner" and arguments[:1] == ["try"]:
            (self.folder / arguments[-1]).write_bytes(LUNCH)
            script = [str(ROOT / arguments[1]), *arguments[2:]]
            forked.run(name, ["try", *script], self.folder).check_returncode()
        elif name == "runner" and not arguments:
            self.run_scripts()
            wait_until(lambda: "running scripts" in self.log("runner"), 20, "the runner")
            assert self.terminate("runner") == 0
        elif name == "provider" and "--check" not in arguments:
            before = self.log("provider")
            self.provide(*arguments)
            wait_until(
                lambda: "no new mail" in self.log("provider")[len(before) :], 20, "the first pass"
            )
            assert self.terminate("provider") == 0
        else:
            self.once(name, arguments)

    def api(self, arguments: list[str]) -> None:
        """Run one of the API's commands."""
        match arguments:
            case ["user", "add", user, *_]:
                # With a user the curl lines would have to sign in: this one does not stay.
                (self.folder / "password").write_text("a horse that is correct")
                self.once("api", [*arguments, f"--password-file={self.folder}/password"])
                self.once("api", ["user", "remove", user])
            case ["backup", folder]:
                self.once("api", ["backup", f"{self.folder}{folder}"])
            case _:
                self.once("api", arguments)

    def once(self, name: str, arguments: list[str]) -> None:
        """Run a program that ends by itself."""
        own = ["--help"] if name.startswith("bench.") else ["--config", f"{self.folder}/config.ini"]
        words = [*arguments[:1], *own, *arguments[1:]] if name == "postroom" else [*own, *arguments]
        done = forked.run(name, words, ROOT)
        # While the daemons run, a check finds their ports taken.
        finds = "--check" in arguments or "doctor" in arguments
        assert done.returncode in ((0, 1) if finds else (0,)), done.stderr.decode()
        if "--json" in arguments and "--check" in arguments:
            assert {"name", "ok", "detail", "remedy"} == set(json.loads(done.stdout)[0])

    def shell(self, line: str, folder: Path | None = None) -> None:
        """Let a shell do it."""
        subprocess.run(
            ["bash", "-ec", line], cwd=folder or self.folder, check=True, capture_output=True
        )


def line_of(name: str, arguments: list[str]) -> str:
    """How one of our own programs is started."""
    return shlex.join(["python", "-m", name, *arguments])


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """It begins with the first line that needs it."""
    daemons = Clone(tmp_path)
    try:
        yield daemons
    finally:
        daemons.close()


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_each_shell_line_runs(clone, name):
    blocks = [block for kind, block in BLOCK.findall(text(name)) if kind == "sh"]

    assert blocks
    for line in [line for block in blocks for line in commands(block)]:
        clone.run(line)


def test_no_other_document_has_shell_lines():
    # Those of the scripts' page are tested with the scripts, those of deploying in tests/deploy,
    # those of backups in tests/chain.
    elsewhere = ("api", "backup", "deploy", "docker", "monitor", "scripts", "systemd")
    tested = {*WITH_COMMANDS, *(f"docs/{name}.md" for name in elsewhere)}
    others = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS} - tested

    assert [name for name in others if "```sh" in text(name)] == []


def test_the_terminals_say_what_the_readme_shows(clone):
    clone.begin()
    clone.provide("work")
    wait_until(lambda: "no new mail" in clone.log("provider"), 20, "the first pass")
    logs = "".join(map(clone.log, ("api", "master", "pull", "provider")))
    logs = logs.replace(clone.title, "imap at imap.example.org for me@example.org")
    logs = logs.replace("(maildir)", "(imap)")
    logs = logs.replace(f":{clone.api_port}", ":5000").replace(f":{clone.master_port}", ":5555")
    shown = [block for kind, block in BLOCK.findall(text("README.md")) if not kind][1:]

    assert len(shown) == 3
    assert [line for line in "".join(shown).splitlines() if line not in logs] == []


def test_the_api_answers_as_its_page_shows(clone):
    clone.begin()
    told = ""
    for kind, block in BLOCK.findall(text("docs/api.md")):
        if kind == "sh":
            for line in commands(block):
                status, told = clone.ask(line)
        elif kind == "json" and told:
            shown, real = json.loads(block), json.loads(told)
            assert (status >= 400) == ("detail" in shown), f"{line}: {told}"
            assert like(shown, real), f"{line}:\n{told}"
            told = ""
        elif kind == "text" and told:
            assert block.strip() in told.replace("\r\n", "\n"), line
            told = ""


def like(shown: Any, real: Any) -> bool:
    """Whether both have the same keys at every depth; a shown list may be shorter."""
    match shown, real:
        case dict(), dict():
            return shown.keys() == real.keys() and all(like(shown[k], real[k]) for k in shown)
        case list(), list():
            return all(any(like(one, other) for other in real) for one in shown)
    return not isinstance(shown, dict | list) and not isinstance(real, dict | list)


def test_a_provider_that_knows_only_the_page_is_answered_as_it_shows(clone):
    clone.begin()
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(f"tcp://{HOST}:{clone.master_port}")
        for header, frames, shown in conversation():
            if "storage" in header:
                frames[1] = wire.pack({**header, "storage": clone.files()})
            for task in shown.get("tasks", []):
                clone.post(ASKED[task["kind"]], {})
            socket.send_multipart(frames)
            assert socket.poll(20_000)
            answer = wire.unpack(socket.recv_multipart()[1])
            assert steady(answer) == steady(shown)


def steady(header: dict[str, Any]) -> dict[str, Any]:
    """What does not hang on the hour or the store."""
    return {name: value for name, value in header.items() if name not in ("storage", "due")}


def conversation() -> Iterator[tuple[dict[str, Any], list[bytes], dict[str, Any]]]:
    """The protocol's requests, header and frames, each with the reply that follows it."""
    for (header, frames), (reply, _) in pairwise(messages()):
        if "cmd" in header:
            yield header, frames, reply
