"""The raw bytes of stored mails."""

from io import BytesIO
from typing import BinaryIO

from postroom.errors import ObjectMissingError, RefusedError
from postroom.storage import Storage

from ..deliveries import NOTHING
from ..models import Mail


def open_raw(storage: Storage, mail: Mail, start: int = 0, length: int | None = None) -> BinaryIO:
    """A mail's bytes, or some of them, as a stream; RefusedError when there are none."""
    demand(mail)
    if mail.sha256 == NOTHING:
        return BytesIO()
    try:
        return storage.open_read(mail.sha256, start, length)
    except ObjectMissingError as e:
        raise RefusedError(
            "no_raw", f"the raw bytes of mail {mail.id} are lost; they are fetched again"
        ) from e


def demand(mail: Mail) -> None:
    """Raise RefusedError for a mail that has no raw bytes."""
    if not mail.has_raw:
        raise RefusedError("no_raw", f"mail {mail.id} came without its raw bytes")
