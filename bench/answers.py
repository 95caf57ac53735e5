"""The answers of a suite: what each mail holds, as facts that any parser can be asked for."""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class File:
    """An attachment; what the suite does not tell is None, what may differ is a set."""

    name: str
    type: str
    sizes: frozenset[int] | None
    hashes: frozenset[str] | None


@dataclass
class Facts:
    """What a mail holds."""

    subject: str = ""
    people: dict[str, Pairs] = field(default_factory=dict)
    date: datetime | None = None
    message_id: str = ""
    text: str = ""
    html: str = ""
    files: list[File] = field(default_factory=list)
    #: Texts and files of mails within the mail.
    inner_texts: list[str] = field(default_factory=list)
    inner_files: list[File] = field(default_factory=list)


PEOPLE = ("from", "to", "cc", "bcc", "reply_to", "sender")


def read_suite(folder: Path) -> Iterator[tuple[str, bytes, Facts]]:
    """Yield name, raw mail and facts of each mail that has a JSON file beside it."""
    for path in sorted(folder.rglob("*.eml")):
        answer = path.with_suffix(".json")
        if answer.exists():
            raw = path.read_bytes()
            name = str(path.relative_to(folder).with_suffix(""))
            yield name, raw, _facts(json.loads(answer.read_text("utf-8")), raw)


def _facts(mail: Answer, raw: bytes | None) -> Facts:
    facts = Facts()
    for header in mail["parts"][0]["headers"] if mail["parts"] else ():
        _take_header(facts, header["name"], header["value"])
    facts.text = "\n".join(_bodies(mail, "text_body", "Text"))
    facts.html = "\n".join(_bodies(mail, "html_body", "Html"))
    shown = {*mail["text_body"], *mail["html_body"]}
    for number, part in enumerate(mail["parts"]):
        kind, body = _body(part)
        is_media = kind in {"Binary", "InlineBinary"}
        if number in mail["attachments"] or (number in shown and is_media):
            facts.files.append(_file(part, kind, body, raw))
        if kind == "Message":
            inner = _facts(body, None)
            facts.inner_texts += [inner.text, *inner.inner_texts]
            facts.inner_files += [*inner.files, *inner.inner_files]
    return facts


def _take_header(facts: Facts, name: Any, value: Any) -> None:
    kind: str
    content: Any
    kind, content = next(iter(value.items())) if isinstance(value, dict) else (value, {})
    if name in PEOPLE and kind == "Address":
        facts.people[name] = facts.people.get(name, ()) + tuple(_people(content))
    elif name == "subject" and kind == "Text":
        facts.subject = facts.subject or content
    elif name == "message_id" and kind == "Text":
        facts.message_id = facts.message_id or content
    elif name == "date" and kind == "DateTime" and facts.date is None:
        facts.date = _moment(content)


def _people(content: Any) -> Iterator[tuple[str, str]]:
    for one in content.get("List") or content.get("Group") or ():
        if "addresses" in one:
            yield from _people({"List": one["addresses"]})
        else:
            yield one["name"] or "", one["address"] or ""


def _moment(at: dict[str, Any]) -> datetime | None:
    offset = timedelta(hours=at["tz_hour"], minutes=at["tz_minute"])
    zone = timezone(-offset if at["tz_before_gmt"] else offset)
    names = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(at[name]) for name in names)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


def _body(part: Answer) -> tuple[str, Any]:
    kind, body = next(iter(part["body"].items()))
    return str(kind), body


def _bodies(mail: Answer, which: str, wanted: str) -> Iterator[str]:
    for number in mail[which]:
        kind, body = _body(mail["parts"][number])
        if kind == wanted:
            yield body


def _file(part: Answer, kind: str, body: Any, raw: bytes | None) -> File:
    fields = {str(h["name"]): h["value"] for h in part["headers"]}
    contents = list(_contents(part, kind, body, raw))
    return File(
        _option(fields, "content_disposition", "filename")
        or _option(fields, "content_type", "name"),
        _type(fields, kind),
        frozenset(map(len, contents)) or None,
        frozenset(sha256(one).hexdigest() for one in contents) or None,
    )


def _contents(part: Answer, kind: str, body: Any, raw: bytes | None) -> Iterator[bytes]:
    """Yield the bytes; text is told decoded, so that its bytes may be any that decode to it.

    Nothing is yielded, and so nothing compared, where the suite itself lost characters.
    """
    if kind in {"Binary", "InlineBinary"}:
        yield bytes(body)
        # The suite's answers have bare line feeds where its mails have CRLF.
        yield bytes(body).replace(b"\n", b"\r\n")
    elif kind in {"Text", "Html"} and "\ufffd" not in body:
        charset = _option({str(h["name"]): h["value"] for h in part["headers"]},
                          "content_type", "charset")  # fmt: skip
        for codec in ("utf-8", charset, "cp1252", "latin-1"):
            try:
                content = body.encode(codecs.lookup(codec).name)
            except (LookupError, ValueError):
                continue
            yield content
            yield content.replace(b"\n", b"\r\n")
    elif (
        kind == "Message"
        and raw is not None
        and not any("encoding" in str(h["name"]) for h in part["headers"])
    ):
        yield raw[part["offset_body"] : part["offset_end"]]


def _content_type(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    return value.get("ContentType", {}) if isinstance(value, dict) else {}


def _option(fields: dict[str, Any], header: str, name: str) -> str:
    for option in _content_type(fields, header).get("attributes") or ():
        if option["name"] == name:
            return str(option["value"])
    return ""


def _type(fields: dict[str, Any], kind: str) -> str:
    found = _content_type(fields, "content_type")
    if found.get("c_subtype"):
        return f"{found['c_type']}/{found['c_subtype']}".lower()
    return "message/rfc822" if kind == "Message" else "text/plain"
