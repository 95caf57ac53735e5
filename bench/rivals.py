"""The parsers that are compared, each asked for the same facts."""

import email
import email.policy
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.header import decode_header
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from importlib import import_module
from typing import Any

from bench.answers import PEOPLE, Facts, File, Pairs

Parser = Callable[[bytes], Facts]


def _one_file(name: str | None, kind: str, content: bytes) -> File:
    hashes = frozenset({sha256(content).hexdigest()})
    return File(name or "", kind.lower(), frozenset({len(content)}), hashes)


def postroom(raw: bytes) -> Facts:
    """Ask Postroom's own parser."""
    from postroom.parsing.mail import parse  # noqa: PLC0415

    mail = parse(raw)
    people = {name: getattr(mail, "from_" if name == "from" else name) for name in PEOPLE}
    files = [
        File(one.name, one.type, frozenset({one.size}), frozenset({one.sha256}))
        for one in mail.attachments
    ]
    return Facts(mail.subject, people, mail.date, mail.message_id, mail.text, mail.html, files)


def compat32(raw: bytes) -> Facts:
    """Ask the standard library as it has always been, all decoding done by hand."""
    mail = email.message_from_bytes(raw)
    facts = Facts(subject=_words(mail["subject"]), message_id=_id(mail["message-id"]))
    for name, value in mail.items():
        _words(value)
        key = name.lower().replace("-", "_")
        if key in PEOPLE:
            pairs = tuple((_words(n), a) for n, a in getaddresses([str(value)]))
            facts.people[key] = facts.people.get(key, ()) + pairs
    facts.date = _date(mail["date"])
    _take_parts(facts, mail, _payload_text)
    return facts


def default_policy(raw: bytes) -> Facts:
    """Ask the standard library's modern interface."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    facts = Facts(subject=str(mail["subject"] or ""), message_id=_id(mail["message-id"]))
    for key in PEOPLE:
        for value in mail.get_all(key.replace("_", "-"), ()):
            pairs: Pairs = tuple((a.display_name, a.addr_spec) for a in value.addresses)
            facts.people[key] = facts.people.get(key, ()) + pairs
    found = getattr(mail["date"], "datetime", None)
    facts.date = _utc(found)
    _take_parts(facts, mail, _content_text)
    return facts


def _take_parts(facts: Facts, mail: Message, text_of: Callable[[Any], str]) -> None:
    texts: list[str] = []
    htmls: list[str] = []
    for part in mail.walk():
        kind = part.get_content_type()
        if part.is_multipart():
            continue
        if part.get_content_disposition() == "attachment" or kind not in {
            "text/plain",
            "text/html",
        }:
            facts.files.append(_one_file(_words(part.get_filename()), kind, _payload(part)))
        else:
            (htmls if kind == "text/html" else texts).append(text_of(part))
    facts.text, facts.html = "\n".join(texts), "\n".join(htmls)


def _payload(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _payload_text(part: Message) -> str:
    content = _payload(part)
    try:
        return content.decode(part.get_content_charset("ascii"), "replace")
    except LookupError:
        return content.decode("latin-1")


def _content_text(part: EmailMessage) -> str:
    return str(part.get_content())


def _words(value: Any) -> str:
    if value is None:
        return ""
    decoded = []
    for content, charset in decode_header(value):
        if isinstance(content, bytes):
            try:
                decoded.append(content.decode(charset or "ascii", "replace"))
            except LookupError:
                decoded.append(content.decode("latin-1"))
        else:
            decoded.append(content)
    return "".join(decoded)


def _id(value: Any) -> str:
    return str(value or "").strip().strip("<>")


def _date(value: Any) -> datetime | None:
    with suppress(ValueError, TypeError):
        return _utc(parsedate_to_datetime(str(value))) if value else None
    return None


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mail_parser() -> Parser:
    library = import_module("mailparser")

    def ask(raw: bytes) -> Facts:
        mail = library.parse_from_bytes(raw)
        facts = Facts(subject=mail.subject or "", message_id=_id(mail.message_id))
        facts.people = {key: tuple(map(tuple, getattr(mail, key, None) or ())) for key in PEOPLE}
        facts.people["from"] = tuple(map(tuple, mail.from_ or ()))
        facts.date = _utc(mail.date)
        facts.text, facts.html = "\n".join(mail.text_plain), "\n".join(mail.text_html)
        facts.files = [_mail_parser_file(one) for one in mail.attachments]
        return facts

    return ask


def _mail_parser_file(one: dict[str, Any]) -> File:
    import base64  # noqa: PLC0415

    content = one["payload"]
    raw = base64.b64decode(content) if one["binary"] else str(content).encode("utf-8", "replace")
    return _one_file(one["filename"], one["mail_content_type"], raw)


def _fast_mail_parser() -> Parser:
    library = import_module("fast_mail_parser")

    def pairs(value: Any) -> Pairs:
        found = value if isinstance(value, list) else [value] if value else []
        return tuple((one.display_name or "", one.address or "") for one in found)

    def ask(raw: bytes) -> Facts:
        mail = library.parse_email(raw)
        ids = mail.headers.get("Message-ID") or mail.headers.get("Message-Id") or [""]
        facts = Facts(subject=mail.subject, message_id=_id(ids[0]))
        facts.people = {key: pairs(getattr(mail, key, None)) for key in PEOPLE}
        facts.people["from"] = pairs(mail.from_)
        facts.date = _utc(mail.date_parsed)
        facts.text, facts.html = "\n".join(mail.text_plain), "\n".join(mail.text_html)
        facts.files = [_one_file(a.filename, a.mimetype, a.content) for a in mail.attachments]
        return facts

    return ask


def _imap_tools() -> Parser:
    library = import_module("imap_tools")

    def pairs(value: Any) -> Pairs:
        found = value if isinstance(value, tuple) else (value,) if value else ()
        return tuple((one.name, one.email) for one in found)

    def ask(raw: bytes) -> Facts:
        mail = library.MailMessage.from_bytes(raw)
        facts = Facts(subject=mail.subject, message_id=_id(mail.obj["message-id"]))
        for key in PEOPLE:
            facts.people[key] = pairs(getattr(mail, f"{key}_values", None))
        facts.date = _utc(mail.date) if mail.date.year > 1900 else None
        facts.text, facts.html = mail.text, mail.html
        facts.files = [_one_file(a.filename, a.content_type, a.payload) for a in mail.attachments]
        return facts

    return ask


def parsers() -> Iterator[tuple[str, Parser]]:
    """Yield name and function of each parser that is installed here."""
    yield "postroom", postroom
    yield "compat32", compat32
    yield "policy.default", default_policy
    makers = {"mail-parser": _mail_parser, "fast-mail-parser": _fast_mail_parser,
              "imap-tools": _imap_tools}  # fmt: skip
    for name, make in makers.items():
        with suppress(ModuleNotFoundError):
            yield name, make()
