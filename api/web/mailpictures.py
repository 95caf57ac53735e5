"""Pictures that a mail brings along, as its HTML may show them."""

from base64 import b64encode
from collections.abc import Iterable

from postroom.errors import RefusedError
from postroom.parts import part_bytes
from postroom.storage import Storage

from ..mails.raws import open_raw
from ..models import Mail
from ..rest.answers import ListedAttachment
from .mailhtml import named

#: Bytes of a mail that is read for its pictures, and of all pictures that are shown.
MOST_RAW = 40_000_000
MOST_SHOWN = 10_000_000
#: How each kind begins: what the mail calls it does not count.
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


def of(storage: Storage, mail: Mail, attachments: Iterable[ListedAttachment]) -> dict[str, str]:
    """data: addresses of the pictures that the mail's HTML names, by Content-ID."""
    wanted = named(mail.html)
    shown = [each for each in attachments if each.content_id.lower() in wanted]
    if not shown or mail.size > MOST_RAW:
        return {}
    try:
        with open_raw(storage, mail) as stream:
            raw = stream.read()
    except RefusedError:
        # The words of a mail whose bytes are lost are still for reading.
        return {}
    found: dict[str, str] = {}
    left = MOST_SHOWN
    for each in shown:
        left -= each.size
        if left < 0:
            break
        content = part_bytes(raw, each.part)
        if kind := _kind(content):
            found[each.content_id] = f"data:image/{kind};base64,{b64encode(content).decode()}"
    return found


def _kind(content: bytes) -> str:
    """What a picture is; "" for what is none that cannot run anything."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return next((kind for begin, kind in _KINDS if content.startswith(begin)), "")
