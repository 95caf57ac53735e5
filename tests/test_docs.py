"""The documents name all that there is: settings, routes, codes, plug-ins, links, bytes."""

import ast
import re
from contextlib import closing
from signal import SIGTERM
from typing import Any, get_args

import msgspec
import pytest

from api.app import create_app
from api.database import open_database
from api.database.base import EXIT_BROKEN
from api.deliveries import Delivery
from api.mails import query
from api.rest import problems
from api.rest.security import is_page
from master.parsers import PARSERS
from master.sinks import SINKS
from master.sinks.directory import DirectoryOptions
from monitor.links import READERS
from monitor.pages import PageOptions
from postroom import settings, wire
from postroom.daemon import Exit
from postroom.storage import STORAGES, open_storage
from postroom.storage.s3_options import S3Options
from postroom.values import converted
from provider import sources
from tests.documents import DOCUMENTS, ROOT, messages, rows, section, source, text

HTTP = {"GET", "POST", "PUT", "PATCH", "DELETE"}

# --- settings

SECTIONS: dict[str, type[msgspec.Struct]] = {
    **{f"[{name}]": options for name, options in settings.SECTIONS.items()},
    **{
        f"[mailbox NAME] with source = {name}": sources.load(name).Options
        for name in sources.SOURCES
    },
    "[page NAME]": PageOptions,
    "[sink directory]": DirectoryOptions,
    "[storage s3]": S3Options,
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
    main = "\n".join(
        text(f"{name}/__main__.py") for name in ("api", "master", "monitor", "provider")
    )
    options = re.findall(r'"(--[a-z-]+)"', text("postroom/daemon.py") + main)
    statuses = re.findall(r"^\| ([\d, ]+) \|", section(told, "Exit statuses"), re.M)
    named = {int(number) for cell in statuses for number in cell.split(", ")}

    assert [name for name in options if name not in told] == []
    assert named == {*Exit, EXIT_BROKEN, 128 + SIGTERM}


# --- names


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        ("SOURCES", sources.SOURCES),
        ("PARSERS", PARSERS),
        ("SINKS", SINKS),
        ("STORAGES", STORAGES),
        ("READERS", READERS),
    ],
)
def test_each_registered_name_is_described(registry, names):
    (row,) = re.findall(rf"^\|.*`{registry}`.*$", text("docs/architecture.md"), re.M)

    assert set(re.findall("`([a-z0-9]+)`", row.split("|")[3])) == set(names)


def test_each_route_is_described(tmp_path):
    with closing(open_database(tmp_path / "db")) as db:
        app = create_app(db, open_storage("directory", tmp_path))

    argument, as_shown = re.compile("<(?:[a-z]+:)?([a-z]+)_?>"), r"{\1}"
    routes = {
        f"{method} {argument.sub(as_shown, rule.rule)}"
        for rule in app.url_map.iter_rules()
        if not is_page(app.view_functions[rule.endpoint])
        for method in HTTP & (rule.methods or set())
    }

    assert set(re.findall(r"^#+ `(.*)`$", text("docs/api.md"), re.M)) == routes


CODES = {
    "problem": (r'(?:RefusedError|problem)\(\s*(?:\d+, )?"([a-z_]+)"', ["api"]),
    "defect": (r'defects\.add\("([a-z0-9_]+)"', ["postroom/parsing", "postroom/parts"]),
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

    wanted = {*stages, *(each.name for each in query.FILTERS), *problems.STATUSES} - {"too_large"}

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


def test_the_bytes_of_the_protocol_are_what_they_are_said_to_be():
    shown = messages()

    assert len(shown) >= 12
    for header, frames in shown:
        assert wire.unpack(frames[1]) == header


def test_the_bytes_of_the_protocol_are_read_and_written_alike():
    requests: dict[str, wire.AnyRequest] = {}
    answered: set[type[wire.Reply]] = set()
    for header, frames in messages():
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
    of_pages = (wire.Link, wire.WantedFile, wire.FileRecord, wire.FileReply,
                wire.WatchTask, wire.WatchDigest, wire.DigestFile)  # fmt: skip
    answers = (wire.ItemReply, wire.Limits, wire.Task, wire.Receipt, wire.Retry, wire.Refusal)
    every: list[type[msgspec.Struct]] = [
        *wire.REPLY_TYPES,
        *wire.REPLY_TYPES.values(),
        *parts,
        *of_pages,
        *answers,
    ]
    fields = {field.encode_name for kind in every for field in msgspec.structs.fields(kind)}
    limits = [getattr(wire, name) for name in dir(wire) if name.startswith("MAX_")]

    assert {name for name in fields if f"`{name}`" not in told} == set()
    assert [limit for limit in limits if f"{limit:,}" not in told] == []
