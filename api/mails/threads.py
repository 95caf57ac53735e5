"""Mails grouped into threads, in the transaction that stores them.

A thread is named by one of its mails, the one with the smallest id. Each Message-ID that a mail has
or refers to is kept with a mail that named it first: whoever names it again is of its thread.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from postroom import records

from ..database import bulk
from ..models import Mail, Threaded, ThreadKey, database
from .kin import Groups, Kin, are_kin, counterparts, kin, window

_CHUNK = 5_000
#: What `kin_held` reads, and of the record.
HELD = (Mail.id, Mail.date, Mail.subject, Mail.message_id, Mail.record)
_OF_RECORD = ("from", "to", "cc", "in_reply_to", "references")
#: Pairs of one subject that a batch compares; more are left as they are.
_MOST_PAIRS = 5_000


def join(kins: Sequence[Kin]) -> None:
    """Put mails that are in no thread into theirs; threads that they connect become one."""
    groups = Groups()
    threads = _known({key for one in kins for key in one.keys})
    held = set(threads.values())
    new: dict[int, int] = {}
    for one in kins:
        groups.name(one.mail)
        for key in one.keys:
            groups.join(one.mail, threads.get(key) or new.setdefault(key, one.mail))
    for mail, thread, is_held in _by_subject(kins):
        groups.join(mail, thread)
        if is_held:
            held.add(thread)
    bulk.insert(ThreadKey, [{"key": key, "mail": new[key]} for key in sorted(new)])
    rows = [
        {
            "mail": one.mail,
            "thread": groups.name(one.mail),
            "date": one.date,
            "subject": one.subject,
        }
        for one in sorted(kins, key=lambda one: one.mail)
    ]
    bulk.insert(Threaded, rows)
    for old in held:
        if (name := groups.name(old)) != old:
            Threaded.update(thread=name).where(Threaded.thread == old).execute()


def _known(keys: set[int]) -> dict[int, int]:
    """Threads by the Message-IDs that are known."""
    found: dict[int, int] = {}
    for chunk in _chunks(sorted(keys)):
        marks = ", ".join([database.param] * len(chunk))
        sql = (
            "SELECT k.key, t.thread FROM thread_keys k "  # noqa: S608
            f"JOIN threaded t ON t.mail_id = k.mail_id WHERE k.key IN ({marks})"
        )
        found.update(database.execute_sql(sql, chunk).fetchall())
    return found


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(values)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk


def _by_subject(kins: Sequence[Kin]) -> Iterator[tuple[int, int, bool]]:
    """Mails without references, with the mail or thread of one that they answer or that answers."""
    asking = {one.mail: one for one in kins if one.subject is not None and one.sender}
    if not asking:
        return
    for mail, thread, other in _counterparts(asking.values()):
        if are_kin(asking[mail], other):
            yield mail, thread, True
    together = defaultdict(list)
    for one in asking.values():
        together[one.subject].append(one)
    for one in asking.values():
        others = [other for key in counterparts(one) for other in together.get(key, ())[:_CHUNK]]
        low, high = window(one.date) if others else ("", "")
        for other in others:
            if low <= other.date <= high and are_kin(one, other):
                yield one.mail, other.mail, False


def _counterparts(asking: Iterable[Kin]) -> Iterator[tuple[int, int, Kin]]:
    wanted = [(one.mail, key, *window(one.date)) for one in asking for key in counterparts(one)]
    joined = database.ordered_join
    for chunk in _chunks(wanted):
        marks = ", ".join([f"({', '.join([database.param] * 4)})"] * len(chunk))
        # The few that ask lead, each by one look into the index; never the other way round.
        sql = (
            f"WITH asking(mail, subject, low, high) AS (VALUES {marks}) "  # noqa: S608
            "SELECT a.mail, t.thread, m.id, m.date, m.from_address, m.record FROM asking a "
            f"{joined} threaded t ON t.subject = a.subject AND t.date BETWEEN a.low AND a.high "
            f"{joined} mails m ON m.id = t.mail_id LIMIT {_MOST_PAIRS}"
        )
        values = [value for each in chunk for value in each]
        for mail, thread, id_, date, sender, record in database.execute_sql(sql, values):
            people = _people(msgspec.json.decode(record))
            yield mail, thread, Kin(id_, date, (), None, sender, people)


def _people(record: Mapping[str, Any]) -> frozenset[str]:
    found = (each for kind in ("from", "to", "cc") for each in record.get(kind, ()))
    return frozenset(address.lower() for _, address in found if address)


def kin_held(mail: Any) -> Kin:
    """Read it from a row of mails."""
    record = msgspec.convert(
        {name: mail.record.get(name, ()) for name in _OF_RECORD},
        records.Mail,
    )
    record = msgspec.structs.replace(record, subject=mail.subject, message_id=mail.message_id)
    return kin(mail.id, mail.date, record)


def rejoin(old: Kin) -> None:
    """A mail's row is another now: part its thread, and let all its mails find together again."""
    if kin_held(Mail.select(*HELD).where(Mail.id == old.mail).get()) != old:
        _join_anew([old])


def leave(leaving: Sequence[Kin]) -> None:
    """Mails go: part their threads, and let the others find together without them."""
    _join_anew(leaving, {one.mail for one in leaving})


def _join_anew(old: Sequence[Kin], without: Collection[int] = ()) -> None:
    """Part the threads of mails as they were, and join what is not to be without."""
    threads = Threaded.select(Threaded.thread).where(Threaded.mail << [one.mail for one in old])
    parted = [id_ for (id_,) in threads.distinct().tuples()]
    members = Threaded.select(Threaded.mail).where(Threaded.thread << parted)
    every = [id_ for (id_,) in members.tuples()]
    kins = [
        kin_held(mail)
        for ids in _chunks(id_ for id_ in every if id_ not in without)
        for mail in Mail.select(*HELD).where(Mail.id.in_(ids))
    ]
    # What a mail names only now may be another thread's.
    theirs = ThreadKey.mail.in_(members)
    for keys in _chunks({key for one in (*old, *kins) for key in one.keys}):
        ThreadKey.delete().where(ThreadKey.key.in_(keys), theirs).execute()
    for ids in _chunks(every):
        Threaded.delete().where(Threaded.mail.in_(ids)).execute()
    join(kins)
