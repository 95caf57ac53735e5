"""Rows of mails as the API shows them: one shape for lists, single mails and exports."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..models import Attachment, Folder, Mail, Mailbox, Place, Threaded
from ..rest.answers import FoundMail, ListedAttachment, ListedMail, PlaceOfMail, WholeMail
from ..search import hits
from ..search.querytree import Node
from ..sources.folders import key_value

Files = dict[int, list[ListedAttachment]]
Places = dict[int, list[PlaceOfMail]]
#: None for what was never read.
THREAD = Threaded.select(Threaded.thread).where(Threaded.mail == Mail.id).alias("thread_id")
#: What a list reads of a mail; the long columns stay where they are.
LISTED = (
    Mail.id,
    Mail.sha256,
    Mail.size,
    Mail.state,
    Mail.date,
    Mail.subject,
    Mail.message_id,
    Mail.attachment_count,
    Mail.defects,
    Mail.record,
    THREAD,
)
#: What a single mail and an export read of it.
WHOLE = (Mail, THREAD)


def listed(mails: Sequence[Mail]) -> list[ListedMail]:
    """Mails as lists show them; their attachments come by one query."""
    files = attachments_of(mails)
    return [ListedMail(**_summary(mail, files)) for mail in mails]


def found(mails: Sequence[Mail], tree: Node | None) -> list[FoundMail]:
    """Mails as lists show them, with where the words of a query stand in each."""
    files = attachments_of(mails)
    if tree is None:
        return [FoundMail(**_summary(mail, files)) for mail in mails]
    places = hits.of([mail.id for mail in mails], tree)
    return [FoundMail(**_summary(mail, files), snippets=places.get(mail.id, {})) for mail in mails]


def whole(mail: Any, files: Files, places: Places) -> WholeMail:
    """A mail with all that was read from it."""
    return WholeMail(
        **_summary(mail, files),
        **_record(mail.record),
        text=mail.text,
        html=mail.html,
        headers=mail.headers,
        has_raw=mail.has_raw,
        created=mail.created,
        places=places.get(mail.id, []),
    )


def _summary(mail: Any, files: Files) -> dict[str, Any]:
    return {
        "id": mail.id,
        "sha256": mail.sha256,
        "size": mail.size,
        "state": mail.state,
        "date": mail.date,
        "subject": mail.subject,
        "from_": mail.record.get("from", []),
        "message_id": mail.message_id,
        "attachments": files.get(mail.id, []),
        "defects": mail.defects,
        "thread_id": mail.thread_id,
    }


_PEOPLE = ("sender", "to", "cc", "bcc", "reply_to")


def _record(record: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: record.get(name, []) for name in (*_PEOPLE, "in_reply_to", "references")},
        "sent": record.get("sent"),
        "date_raw": record.get("date_raw", ""),
        "parts": record.get("parts"),
    }


def attachments_of(mails: Iterable[Mail]) -> Files:
    """The attachments of each of the mails that has some, in order."""
    ids = [mail.id for mail in mails if mail.attachment_count]
    found: Files = {}
    if not ids:
        return found
    query = Attachment.select().where(Attachment.mail.in_(ids))
    for each in query.order_by(Attachment.mail, Attachment.number):
        found.setdefault(each.mail_id, []).append(
            ListedAttachment(
                number=each.number,
                name=each.name,
                type=each.type,
                content_id=each.content_id,
                inline=each.inline,
                size=each.size,
                sha256=each.sha256,
                part=each.part,
            )
        )
    return found


def places_of(mails: Iterable[Mail]) -> Places:
    """Where each of the mails stands."""
    query = (
        Place.select(Place, Folder, Mailbox)
        .join(Folder)
        .join(Mailbox)
        .where(Place.mail.in_([mail.id for mail in mails]))
        .order_by(Place.id)
    )
    found: Places = {}
    for place in query:
        found.setdefault(place.mail_id, []).append(
            PlaceOfMail(
                mailbox=place.folder.mailbox.name,
                epoch=place.folder.epoch,
                folder=place.folder.name,
                uidvalidity=place.folder.uidvalidity,
                key=key_value(place.key),
                version=place.version,
                state=place.state,
                verified=place.verified,
            )
        )
    return found
