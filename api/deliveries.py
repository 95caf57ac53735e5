"""What POST /api takes: the master's parsed mails, and the plain dicts of the seed."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from postroom import records, wire
from postroom.errors import ParseError
from postroom.headers import header_block, header_sha256

#: Longer texts are cut; the raw mail is whole.
MAX_TEXT = 2 * 1024 * 1024
MAX_LINE = 10_000
#: Mails in one request.
MAX_MAILS = 1_000
#: The content of an empty mail: known without a store.
NOTHING = hashlib.sha256(b"").hexdigest()
Outcome = Literal["quarantined", "refused", "gone", "too_big"]
_Hash = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, or why there is none, in one place or in none."""

    mailbox: Annotated[str, Meta(max_length=255)] = ""
    epoch: _Count = 0
    folder: Annotated[str, Meta(max_length=1_000)] = ""
    uidvalidity: _Count = 0
    generation: _Count | None = None
    key: wire.Key | None = None
    server_size: _Count = 0
    outcome: Literal[""] | Outcome = ""
    stage: Literal["", "fetch", "size", "parse", "store"] = ""
    reason: Annotated[str, Meta(max_length=5_000)] = ""
    sha256: _Hash = ""
    size: _Count = 0
    header_sha256: _Hash = ""
    mail: records.Mail | None = None
    #: Version of the parser that read it, or failed to; None when a program gave the record.
    parser: _Count | None = None
    #: The raw bytes, where the mail came without them being stored before.
    raw: bytes | None = None

    @property
    def has_raw(self) -> bool:
        """Whether the object store holds (or is about to hold) the raw bytes."""
        return self.size > 0 or self.sha256 == NOTHING


_Batch = Annotated[list[Delivery], Meta(max_length=MAX_MAILS)]
_DECODER = msgspec.msgpack.Decoder(_Batch)


def read_all(packed: bytes) -> list[Delivery] | None:
    """A master's batch, decoded straight into its types; None where that does not fit all of it."""
    try:
        batch = _DECODER.decode(packed)
    except (msgspec.MsgspecError, ValueError):
        return None
    return batch if all(_fault(one) is None for one in batch) else None


def read(value: Any) -> Delivery:
    """Raise ParseError, saying what is wrong, for what is no mail."""
    if not isinstance(value, Mapping):
        raise ParseError("a mail must be an object")
    try:
        return _delivery(value) if "mail" in value or "outcome" in value else _plain(value)
    except (msgspec.ValidationError, TypeError, ValueError) as e:
        raise ParseError(str(e)) from e


def _delivery(value: Mapping[str, Any]) -> Delivery:
    found = msgspec.convert(value, Delivery)
    if fault := _fault(found):
        raise ValueError(fault)
    return found


def _fault(one: Delivery) -> str | None:
    if not one.outcome and (one.mail is None or not one.sha256):
        return "a mail without outcome needs `mail` and `sha256`"
    if one.outcome and (one.key is None or not one.mailbox):
        return "an outcome needs the place it concerns: `mailbox` and `key`"
    if one.raw is not None and _told(one.raw) != (one.sha256, one.size):
        return "`sha256` and `size` are not those of `raw`"
    return None


def _told(raw: bytes) -> tuple[str, int]:
    return hashlib.sha256(raw).hexdigest(), len(raw)


_PLACE = ("mailbox", "folder", "uidvalidity")
_PEOPLE = ("from", "to", "cc", "bcc", "reply_to", "sender")


def _plain(value: Mapping[str, Any]) -> Delivery:
    """A dict as people write it: subject, from, to, text, date, uid, raw or sha256."""
    raw = _raw(value.get("raw"))
    fields = {k: v for k, v in value.items() if k not in {*_PLACE, "uid", "key", "raw", "sha256"}}
    people = {k: _addresses(fields[k]) for k in _PEOPLE if k in fields}
    mail = msgspec.convert({**fields, **people}, records.Mail)
    place = {k: value[k] for k in _PLACE if k in value}
    return msgspec.convert(
        {
            **place,
            "key": value.get("uid", value.get("key")),
            "sha256": _identity(value, raw),
            "size": len(raw or b""),
            "header_sha256": header_sha256(header_block(raw)) if raw else "",
            "mail": mail,
            "raw": raw,
        },
        Delivery,
        from_attributes=True,
    )


def _identity(value: Mapping[str, Any], raw: bytes | None) -> str:
    if raw is not None:
        return hashlib.sha256(raw).hexdigest()
    if value.get("sha256"):
        return str(value["sha256"])
    # Where the mail lies is no part of what it is.
    content = {k: v for k, v in value.items() if k not in {*_PLACE, "uid", "key"}}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _raw(value: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError("`raw` must be base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as e:
        raise ValueError(f"`raw` is not base64: {e}") from e


def _addresses(value: object) -> object:
    """Take "a@b" and ["a@b"] beside [["Name", "a@b"]]."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    return [["", one] if isinstance(one, str) else one for one in value]


def clean(text: str, longest: int = MAX_TEXT) -> str:
    """Text that every database takes: no NUL, no lone surrogate, cut at `longest` characters."""
    text = text[:longest]
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8") if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
