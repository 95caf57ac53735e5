"""The limits of wire v1, and the types of its fields."""

from typing import Annotated

import msgspec
from msgspec import Meta

VERSION = b"postroom/1"
FRAMES = 3
MAX_MESSAGE = 8 * 1024 * 1024
MAX_HEADER = 2 * 1024 * 1024
MAX_PART = 4 * 1024 * 1024
MAX_BATCH_ITEMS = 1_000
MAX_RANGES = 10_000
#: Keys that one window may list, as ranges of UIDs or one by one.
MAX_WINDOW = 20_000
MAX_TEXT_KEYS = 5_000
MAX_WANTED = 5_000
#: Characters of a reason, a Message-ID, a fingerprint.
MAX_TEXT = 2_000
#: Characters of a URL.
MAX_URL = 8_000
#: Pages that one monitor watches.
MAX_WATCHED = 5_000

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Folder = Annotated[str, Meta(max_length=1_000)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Uid = Annotated[int, Meta(ge=1, le=2**32 - 1)]
Url = Annotated[str, Meta(min_length=1, max_length=MAX_URL)]
TextKey = Annotated[str, Meta(min_length=1, max_length=512)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
#: Bounded, so that "for ever" cannot come in as infinity.
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
#: A UID, or the text by which a source without UIDs names an item.
Key = Uid | TextKey


class Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands on the wire; what is at its default may be left out."""
