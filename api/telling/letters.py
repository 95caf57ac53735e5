"""Mails that tell of alarms: grouped, repeated seldom, rows that are mailed at least once."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from postroom.courier import (
    AlarmLetter,
    ClaimedLetter,
    ClaimedLetters,
    ClaimLetter,
    LetterTold,
    TellLetter,
    ToldAlarm,
)
from postroom.errors import RefusedError
from postroom.settings import Alarms

from .. import tasks
from ..database import Database
from ..models import Alarm, AlarmMail, Task, now
from ..schedule import after, stamp
from ..schema.migrations import feed_epoch

TASK = "alarm mail"
#: Alarms that one mail lists of each sort.
MOST = 100


def make(db: Database, options: Alarms) -> None:
    """Make a mail when there is something to be told for long enough, and none is on its way."""
    if not _is_time(options):
        return
    with db.writing():
        if _is_time(options):
            _make()


def _is_time(options: Alarms) -> bool:
    if AlarmMail.select().where(AlarmMail.state == "due").exists():
        return False
    at = datetime.now(UTC)
    long = stamp(at - timedelta(seconds=options.group_seconds))
    if AlarmMail.select().where(AlarmMail.created > long).exists():
        return False
    return any((each.ended or each.created) <= long for each in _news()) or bool(_stale(options))


def _news() -> list[Any]:
    is_new = (Alarm.ended == "") & (Alarm.told == "") & (Alarm.acknowledged == "")
    is_over = (Alarm.ended != "") & (Alarm.told_end == "")
    return list(Alarm.select().where(is_new | is_over).order_by(Alarm.id))


def _stale(options: Alarms) -> list[Any]:
    """Open ones whose last mail is long ago."""
    before = stamp(datetime.now(UTC) - timedelta(hours=options.repeat_hours))
    return [each for each in _open() if each.told and each.told <= before]


def _open() -> list[Any]:
    found = Alarm.select().where(Alarm.ended == "", Alarm.acknowledged == "")
    return list(found.order_by(Alarm.id))


def _make() -> None:
    news, time = _news(), now()
    opened = [each for each in news if not each.ended]
    over = [each for each in news if each.ended]
    still = [each for each in _open() if each.told]
    letter = AlarmLetter(
        opened=[_told(each) for each in opened[:MOST]],
        recovered=[_told(each) for each in over[:MOST]],
        still_open=[_told(each) for each in still[:MOST]],
        more=sum(max(0, len(each) - MOST) for each in (opened, over, still)),
    )
    mail = AlarmMail.create(
        message_id=f"<{secrets.token_hex(16)}@{feed_epoch()}.postroom>",
        content=msgspec.to_builtins(letter),
    )
    (mail.task,) = tasks.add_new(TASK, "", [{"mail": mail.id}])
    mail.save()
    told = [each.id for each in (*opened, *still)]
    Alarm.update(told=time).where(Alarm.id.in_(told)).execute()
    Alarm.update(told_end=time).where(Alarm.id.in_([each.id for each in over])).execute()


def _told(alarm: Any) -> ToldAlarm:
    return ToldAlarm(
        id=alarm.id,
        kind=alarm.kind,
        source=alarm.source or alarm.subject.rstrip(":"),
        text=str(alarm.about.get("error") or alarm.about.get("reason") or "")[:500],
        since=alarm.created,
        ended=alarm.ended,
    )


def claim(db: Database, asked: ClaimLetter) -> ClaimedLetters:
    """Lease a mail that is due; where there is none nothing is written."""
    if _due() is None:
        return ClaimedLetters()
    with db.writing():
        mail = _due()
        if mail is None:
            return ClaimedLetters()
        mail.claim = secrets.token_hex(16)
        mail.save()
        tasks.lease_until(mail.task_id, asked.worker, after(asked.lease_seconds))
    letter = ClaimedLetter(
        mail=mail.id,
        claim=mail.claim,
        message_id=mail.message_id,
        created=mail.created,
        **{
            name: getattr(msgspec.convert(mail.content, AlarmLetter), name)
            for name in AlarmLetter.__struct_fields__
        },
    )
    return ClaimedLetters(mails=[letter])


def _due() -> Any:
    time = now()
    is_free = ((Task.state == "due") & (Task.due <= time)) | (
        (Task.state == "leased") & (Task.lease_until < time)
    )
    found = AlarmMail.select().join(Task).where(AlarmMail.state == "due", is_free)
    return found.order_by(AlarmMail.id).first()


def tell(db: Database, id_: int, told: TellLetter) -> LetterTold:
    """Note whether a mail went out; RefusedError when the lease is lost."""
    with db.writing():
        mail = AlarmMail.get_or_none(AlarmMail.id == id_)
        if mail is None:
            raise RefusedError("not_found", f"there is no alarm mail {id_}")
        if not mail.claim or mail.claim != told.claim:
            raise RefusedError("lease_lost", f"alarm mail {id_} is not leased under this claim")
        mail.claim, mail.changed, mail.error = "", now(), told.error[:500]
        if told.sent:
            mail.state, mail.sent_at = "sent", mail.changed
            tasks.end_by_id(mail.task_id, "mailed")
        else:
            mail.attempts += 1
            mail.next_try = after(told.after_seconds)
            tasks.put_off_by_id(mail.task_id, mail.error, mail.next_try)
        mail.save()
    return LetterTold(mail=id_, state=mail.state)
