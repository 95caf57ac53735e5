"""The rows that a delivered mail becomes."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from postroom import records

from ..deliveries import MAX_LINE, Delivery, clean
from ..models import encode

Row = dict[str, Any]
_NOTHING = records.Mail()


def mail_row(one: Delivery, time: str) -> Row:
    """A row of mails, its structures encoded; of a quarantined one only what is known."""
    mail = one.mail or _NOTHING
    author = mail.from_[0] if mail.from_ else records.Address("", "")
    return {
        "created": time,
        "changed": time,
        "sha256": one.sha256,
        "size": one.size,
        "has_raw": one.has_raw,
        "state": one.outcome or "parsed",
        "header_sha256": one.header_sha256,
        "date": date_of(mail, time),
        "subject": clean(mail.subject, MAX_LINE),
        "from_name": clean(author.name, MAX_LINE),
        "from_address": clean(author.address.lower(), MAX_LINE),
        "message_id": clean(mail.message_id, MAX_LINE),
        "attachment_count": len(mail.attachments),
        "defects": encode(mail.defects),
        "parser": one.parser,
        "record": encode(_record(mail)),
        "text": clean(mail.text),
        "html": clean(mail.html),
        "headers": encode(mail.headers),
    }


def decoded(row: Row) -> Row:
    """A row of mails for peewee, which encodes structures by itself."""
    structured = ("defects", "record", "headers")
    return {k: msgspec.json.decode(v) if k in structured else v for k, v in row.items()}


def date_of(mail: records.Mail, time: str) -> str:
    """What a mail is sorted by: its own date, else the time it came."""
    return _moment(mail.date) if mail.date else time


def _moment(date: datetime) -> str:
    if date.utcoffset():
        date = date.astimezone(UTC)
    return f"{date.isoformat()[:19]}.000Z"


def _record(mail: records.Mail) -> Row:
    return {
        "sender": mail.sender,
        "from": mail.from_,
        "to": mail.to,
        "cc": mail.cc,
        "bcc": mail.bcc,
        "reply_to": mail.reply_to,
        "sent": mail.date,
        "date_raw": mail.date_raw,
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "parts": mail.parts,
    }


def attachment_rows(mail_id: int, one: Delivery, time: str) -> list[Row]:
    """Rows of attachments, numbered from 1."""
    attachments = one.mail.attachments if one.mail else ()
    return [
        {
            "created": time,
            "changed": time,
            "mail": mail_id,
            "number": number,
            "name": clean(each.name, MAX_LINE),
            "type": clean(each.type, MAX_LINE),
            "content_id": clean(each.content_id, MAX_LINE),
            "inline": each.inline,
            "size": each.size,
            "sha256": each.sha256,
            "part": each.part,
        }
        for number, each in enumerate(attachments, 1)
    ]
