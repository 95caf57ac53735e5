"""The documents say what is true: settings, routes, names, links, bytes, and every shell line."""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import pytest

from api import problems, query
from api.app import create_app
from api.database import Database
from api.deliveries import Delivery
from master.parsers import PARSERS
from master.sinks import SINKS
from master.sinks.directory import DirectoryOptions
from postroom import settings, wire
from postroom.daemon import Exit
from postroom.storage import STORAGES, open_storage
from postroom.values import converted
from provider import sources
from tests.servers.daemons import HOST, ROOT, Daemons
from tests.waiting import wait_until

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WITH_COMMANDS = [
    *(f"docs/{name}.md" for name in ("quickstart", "settings", "api")),
    *("README.md", "CONTRIBUTING.md"),
]
HTTP = {"GET", "POST", "PUT", "PATCH", "DELETE"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)

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


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def source(*folders: str) -> str:
    """All code of some folders."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return "\n".join(file.read_text("utf-8") for file in files)


def rows(document: str) -> dict[str, str]:
    """Of every table: the second cell by the code in the first."""
    return dict(re.findall(r"^ *\| `([^`|]+)` \| ([^|]*?) ?\|", document, re.M))


def section(document: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", document, re.M | re.S)
    assert match, f"there is no heading {heading!r}"
    return match[1]


# --- settings

SECTIONS: dict[str, type[msgspec.Struct]] = {
    **{f"[{name}]": options for name, options in settings.SECTIONS.items()},
    **{
        f"[mailbox NAME] with source = {name}": sources.load(name).Options
        for name in sources.SOURCES
    },
    "[sink directory]": DirectoryOptions,
}


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_setting_is_described_with_its_default(heading):
    told = rows(section(text("docs/settings.md"), heading))
    fields = {field.name: field for field in msgspec.structs.fields(SECTIONS[heading])}

    assert told.keys() == fields.keys()
    for name, cell in told.items():
        field = fields[name]
        if cell == "required":
            assert field.required
        else:
            default = converted(cell.strip("`"), field.type) if cell else field.default
            assert default == field.default, name
            assert cell or default in ("", (), None), name


def test_no_section_is_described_that_there_is_not():
    headings = re.findall(r"^## (\[.*)$", text("docs/settings.md"), re.M)

    assert sorted(headings) == sorted([*SECTIONS, "[mailbox NAME]"])


def test_each_setting_of_the_example_is_described():
    told = text("docs/settings.md")
    example = re.findall(r"^#?(\w+) =", text("config.example.ini"), re.M)

    assert [key for key in example if f"| `{key}` |" not in told] == []


def test_each_variable_of_the_credentials_is_described():
    told = section(text("docs/settings.md"), "Credentials")
    variables = [node.id for node in ast.walk(ast.parse(text("imap_credentials.example.py")))
                 if isinstance(node, ast.Name)]  # fmt: skip

    assert [name for name in variables if f"`{name}`" not in told] == []


def test_each_option_and_exit_status_is_described():
    told = text("docs/settings.md")
    main = "\n".join(text(f"{name}/__main__.py") for name in ("api", "master", "provider"))
    options = re.findall(r'"(--[a-z-]+)"', text("postroom/daemon.py") + main)
    statuses = {str(int(status)) for status in Exit}

    assert [name for name in options if name not in told] == []
    assert statuses <= set(re.findall(r"\d+", section(told, "Exit statuses")))


# --- names


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        ("SOURCES", sources.SOURCES),
        ("PARSERS", PARSERS),
        ("SINKS", SINKS),
        ("STORAGES", STORAGES),
    ],
)
def test_each_registered_name_is_described(registry, names):
    (row,) = re.findall(rf"^\|.*`{registry}`.*$", text("docs/architecture.md"), re.M)

    assert set(re.findall("`([a-z0-9]+)`", row.split("|")[3])) == set(names)


def test_each_route_is_described(tmp_path):
    storage = open_storage("directory", tmp_path)
    app = create_app(Database(tmp_path / "db"), storage)

    routes = {
        f"{method} {re.sub(r'<(?:[a-z]+:)?([a-z]+)_?>', r'{\1}', rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in HTTP & (rule.methods or set())
    }

    assert set(re.findall(r"^#+ `(.*)`$", text("docs/api.md"), re.M)) == routes


CODES = {
    "problem": (r'(?:RefusedError|problem)\(\s*(?:\d+, )?"([a-z_]+)"', ["api"]),
    "defect": (r'defects\.add\("([a-z0-9_]+)"', ["master/parsers", "postroom/parts"]),
    "event": (r'(?:Told|tell)\(\s*"([a-z_.]+)"', ["api"]),
}


@pytest.mark.parametrize("kind", CODES)
def test_each_code_that_the_api_can_tell_is_described(kind):
    pattern, folders = CODES[kind]
    codes = set(re.findall(pattern, source(*folders)))

    assert len(codes) > 3
    assert codes - set(rows(text("docs/api.md"))) == set()


def test_each_status_stage_and_filter_is_described():
    told = text("docs/api.md")
    fields = {field.name: field for field in msgspec.structs.fields(Delivery)}
    stages = filter(None, get_args(fields["stage"].type))

    wanted = {*stages, *query.FILTERS, *problems.STATUSES} - {"too_large"}

    assert wanted - set(rows(told)) == set()


# --- links


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return plain.replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name) if name else document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
            assert anchor in map(slug, headings), target


# --- the wire


def examples() -> list[tuple[Any, list[bytes]]]:
    """Each message of the protocol's page: its header as it is shown, and its frames."""
    found = re.findall(r"^```json\n([^`]*)```\n\n```hex\n([^`]*)```", text("docs/protocol.md"), re.M)
    return [(json.loads(header), list(map(frame, block.split("\n\n")))) for header, block in found]


def frame(shown: str) -> bytes:
    return b"" if shown.strip() == "(empty)" else bytes.fromhex(shown)


def test_the_bytes_of_the_protocol_are_what_they_are_said_to_be():
    shown = examples()

    assert len(shown) >= 12
    for header, frames in shown:
        assert wire.unpack(frames[1]) == header


def test_the_bytes_of_the_protocol_are_read_and_written_alike():
    requests: dict[str, wire.AnyRequest] = {}
    answered: set[type[wire.Reply]] = set()
    for header, frames in examples():
        if "cmd" in header:
            envelope = wire.decode_request(frames)
            bodies = [body for _, body in envelope.bodies()] or [envelope.body]
            assert wire.encode_request(envelope.request, bodies) == frames
            requests[envelope.id] = envelope.request
        else:
            reply = wire.decode_reply(frames, wire.REPLY_TYPES[type(requests[header["id"]])])
            again: Any = msgspec.structs.replace(reply, id="")
            assert wire.encode_reply(again, header["id"]) == frames
            answered.add(type(reply))
    assert {type(request) for request in requests.values()} == set(wire.REPLY_TYPES)
    assert answered == {*wire.REPLY_TYPES.values(), wire.Retry, wire.Refusal}


def test_each_field_and_limit_of_the_protocol_is_described():
    told = text("docs/protocol.md")
    parts = (wire.Status, wire.Window, wire.Upload, wire.Item, wire.PassWindow)
    answers = (wire.ItemReply, wire.Limits, wire.Task, wire.Receipt, wire.Retry, wire.Refusal)
    every = [*wire.REPLY_TYPES, *wire.REPLY_TYPES.values(), *parts, *answers]
    fields = {field.encode_name for kind in every for field in msgspec.structs.fields(kind)}
    limits = [getattr(wire, name) for name in dir(wire) if name.startswith("MAX_")]

    assert {name for name in fields if f"`{name}`" not in told} == set()
    assert [limit for limit in limits if f"{limit:,}" not in told] == []


# --- shell lines


class Call(NamedTuple):
    """What a curl line asks for."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


def curl(line: str, storage: str = "") -> Call:
    """Read a line as the shell and curl do, as far as the documents use them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = iter([word.replace("$STORAGE", storage) for word in lexer][1:])
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
        for name, raw in {"1769767320.M1P7.host:2,S": LUNCH, "1769675400.M2P7.host": PRICES}.items():
            (folder / "Maildir" / "cur" / name).write_bytes(raw)
        for name in ("config.example.ini", "imap_credentials.example.py"):
            (folder / name).write_text(text(name))
        super().__init__(folder, {"work": {"source": "maildir", "path": "Maildir"}})
        self.title = f"maildir at {folder / 'Maildir'}"

    def ask(self, line: str) -> tuple[int, str]:
        """Status and answer of a curl line."""
        storage = open_storage("sqlite", self.folder / "data/mails.sqlite")
        call = curl(line, storage.id)
        storage.close()
        connection = HTTPConnection(HOST, self.api_port, timeout=30)
        connection.request(call.method, call.path, call.body, call.headers)
        answer = connection.getresponse()
        told = answer.read().decode()
        connection.close()
        return answer.status, told

    def run(self, line: str) -> None:
        """Do what a line of the documents says, as far as a test can."""
        program, *words = shlex.split(line)
        match program, words:
            case "curl", _:
                assert self.ask(line)[0] == 200
            case "make", _:
                self.shell(f"make -n -C {shlex.quote(str(ROOT))} {shlex.join(words)}")
            case "cp", _:
                fresh = self.folder / "fresh"
                fresh.mkdir(exist_ok=True)
                self.shell(f"cp {self.folder}/*example* . && {line}", fresh)
            case "python3" | "pip", _:
                # The tests run in such an environment already.
                self.shell(f"bash -n -c {shlex.quote(line)}")
                assert all((ROOT / word).exists() for word in words if word.endswith(".txt"))
            case "python", ["-m", name, *rest]:
                self.module(name, rest)
            case _:
                raise AssertionError(f"nobody knows how to test this line: {line}")

    def module(self, name: str, arguments: list[str]) -> None:
        """Run one of our own programs."""
        if name in ("api", "master") and not arguments:
            assert self.processes[name].poll() is None
        elif name == "provider" and "--check" not in arguments:
            self.provide(*arguments)
            wait_until(lambda: "no new mail" in self.log("provider"), 20, "the first pass")
            assert self.terminate("provider") == 0
        else:
            self.once(name, arguments)

    def once(self, name: str, arguments: list[str]) -> None:
        """Run a program that ends by itself."""
        own = ["--help"] if name.startswith("bench.") else ["--config", f"{self.folder}/config.ini"]
        command = [sys.executable, "-m", name, *own, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        # While the daemons run, a check finds their ports taken.
        assert done.returncode in ((0, 1) if "--check" in arguments else (0,)), done.stderr
        if "--json" in arguments:
            assert {"name", "ok", "detail", "remedy"} == set(json.loads(done.stdout)[0])

    def shell(self, line: str, folder: Path | None = None) -> None:
        """Let a shell do it."""
        subprocess.run(
            ["bash", "-ec", line], cwd=folder or self.folder, check=True, capture_output=True
        )


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """API and master, running; both mails are stored."""
    daemons = Clone(tmp_path)
    try:
        daemons.start("api", "master")
        daemons.pull()
        yield daemons
    finally:
        daemons.close()


def lines(block: str) -> list[str]:
    """The commands of a block; a backslash joins two lines."""
    joined = block.replace("\\\n", " ").splitlines()
    return [line for line in joined if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_each_shell_line_runs(clone, name):
    if name == "docs/api.md":
        return follow(clone)
    blocks = [block for kind, block in FENCE.findall(text(name)) if kind == "sh"]

    assert blocks
    for line in [line for block in blocks for line in lines(block)]:
        clone.run(line)


def test_no_other_document_has_shell_lines():
    others = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS} - set(WITH_COMMANDS)

    assert [name for name in others if "```sh" in text(name)] == []


def test_the_terminals_say_what_the_readme_shows(clone):
    clone.provide("work")
    wait_until(lambda: "no new mail" in clone.log("master"), 20, "the first sign of life")
    logs = "".join(map(clone.log, ("api", "master", "pull", "provider")))
    ours = {
        "imap at imap.example.org for me@example.org": clone.title,
        "(imap)": "(maildir)",
        ":5000": f":{clone.api_port}",
        ":5555": f":{clone.master_port}",
    }
    shown = [block for kind, block in FENCE.findall(text("README.md")) if not kind][1:]

    assert len(shown) == 3
    for line in "".join(shown).splitlines():
        for theirs, own in ours.items():
            line = line.replace(theirs, own)
        assert line in logs


def follow(clone: Clone) -> None:
    """Go through docs/api.md from its top: each answer has the keys that are shown."""
    told = ""
    for kind, block in FENCE.findall(text("docs/api.md")):
        if kind == "sh":
            for line in lines(block):
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
