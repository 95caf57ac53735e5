"""What a mail tells about the conversation it is of. No database."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from postroom import records

from ..deliveries import MAX_LINE, clean
from ..search.fold import plain

#: A mail names its ancestors, oldest first; of very many the nearest count.
MAX_REFERENCES = 100
#: Replies without references are looked for so far from each other.
WINDOW = timedelta(days=7)
_PREFIXES = (
    "re|r|fw|fwd|fyi|aw|antw|wg|wtr|sv|vs|vb|vl|tr|rv|rif|res|enc|odp|pd|ynt|ilt|doorst|bls|ats|va|ha|na"
    "|回复|回覆|答复|转发|轉寄|返信|転送|답장|전달|отв|ответ|пересл|απ|σχετ|πρθ"
)
#: "Re: ", "AW[2]: ", also behind the name of a list: "[staff] Re: ".
_PREFIX = re.compile(rf"\s*(?:\[[^\]]*\]\s*)?(?:{_PREFIXES})\s*(?:\[\d+\]|\(\d+\))?\s*[::]")
_TAG = re.compile(r"\s*\[[^\]]*\]\s*(?=\S)")


@dataclass(frozen=True, slots=True)
class Kin:
    """Of one mail, by its id, all that threads are made of."""

    mail: int
    #: When it was sent, as the tables keep times.
    date: str
    #: Hashes of its own Message-ID and of those it refers to.
    keys: tuple[int, ...]
    #: Hash of the bare subject, the last bit set for a reply; None where references tell.
    subject: int | None = None
    #: Who wrote it, and who has to do with it; not told where references tell.
    sender: str = ""
    people: frozenset[str] = frozenset()


def kin(mail: int, date: str, record: records.Mail) -> Kin:
    """Read it from a record."""
    referred = (*record.in_reply_to, *record.references)[-MAX_REFERENCES:]
    own = clean(record.message_id, MAX_LINE)
    found = keys((own, *referred))
    if any(referred):
        return Kin(mail, date, found)
    people = (*record.from_, *record.to, *record.cc)
    return Kin(
        mail,
        date,
        found,
        subject_key(clean(record.subject, MAX_LINE)),
        clean(record.from_[0].address.lower(), MAX_LINE) if record.from_ else "",
        frozenset([each.address.lower() for each in people if each.address]),
    )


def keys(ids: Iterable[str]) -> tuple[int, ...]:
    """Message-IDs as numbers of 64 bits, each once, in order of their size."""
    bare = {each.strip().strip("<>") for each in ids}
    return tuple(sorted(_number(each) for each in bare if each))


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def subject_key(subject: str) -> int | None:
    """Of the subject without its prefixes; None when nothing is left."""
    bare, is_reply = bare_subject(subject)
    return _number(bare) & ~1 | is_reply if bare else None


def bare_subject(subject: str) -> tuple[str, bool]:
    """The subject folded, without prefixes of replies and lists, and whether it was a reply's."""
    folded = plain(subject)
    start = 0
    while found := _PREFIX.match(folded, start):
        start = found.end()
    is_reply = start > 0
    while found := _TAG.match(folded, start):
        start = found.end()
    return " ".join(folded[start:].split()), is_reply


def counterparts(one: Kin) -> tuple[int, ...]:
    """Subjects of the mails that may be of one thread with it: of two, one is a reply."""
    if one.subject is None:
        return ()
    reply = one.subject | 1
    return (reply, one.subject & ~1) if one.subject & 1 else (reply,)


def are_kin(one: Kin, other: Kin) -> bool:
    """Whether two mails of one subject are of one thread: both senders take part in both.

    So the invoices of strangers stay apart, and what they are answered: of two mails of one sender,
    all people are the same.
    """
    both = {one.sender, other.sender}
    if len(both) == 1:
        return one.sender != "" and one.people == other.people
    return "" not in both and both <= one.people and both <= other.people


def window(date: str) -> tuple[str, str]:
    """From when to when counterparts of a mail are looked for."""
    at = datetime.fromisoformat(date)
    return _moved(at, -WINDOW), _moved(at, WINDOW)


def _moved(at: datetime, by: timedelta) -> str:
    try:
        moved = at + by
    except OverflowError:
        moved = at
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Groups:
    """Which ids belong together; a group is named by its smallest."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def name(self, one: int) -> int:
        """The group of an id."""
        above = self._above
        while (up := above.setdefault(one, one)) != one:
            # Each look shortens the way of the next.
            above[one] = one = above[up]
        return one

    def join(self, one: int, other: int) -> None:
        """Make two groups one."""
        low, high = sorted((self.name(one), self.name(other)))
        self._above[high] = low

    def joined(self) -> Sequence[tuple[int, int]]:
        """Each id that is not the name of its group, and that name."""
        return [(each, name) for each in tuple(self._above) if (name := self.name(each)) != each]
