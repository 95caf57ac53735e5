"""What a worker is asked, in the words of the tests."""

from typing import Any

from postroom import records, wire

PLACE: dict[str, Any] = {"mailbox": "work", "epoch": 1, "folder": "INBOX", "uidvalidity": 7}


MAIL_BYTES = 10_000_000


UPLOAD = "a" * 32


def parse(raw):
    """As far as these tests need mail to be understood."""
    head, _, text = raw.partition(b"\n\n")
    if b"unparsable" in head:
        raise ValueError("cannot parse this")
    return records.Mail(
        subject=head.removeprefix(b"Subject: ").decode("utf-8", "surrogateescape"),
        text=text.decode(),
        attachments=(
            records.Attachment(
                name="../../a.txt",
                type="text/plain",
                content_id="",
                inline=False,
                size=1,
                sha256="b" * 64,
                part="2",
            ),
        ),
    )


def mail(subject, text="body"):
    return f"Subject: {subject}\n\n{text}".encode()


def envelope(request, *bodies):
    return wire.decode_request(wire.encode_request(request, bodies))


def push(*raws, first=1):
    items = [wire.Item(key=key, length=len(raw)) for key, raw in enumerate(raws, first)]
    return envelope(wire.Push(**PLACE, items=items), *raws)


def statuses(reply):
    return [item.status for item in reply.items]
