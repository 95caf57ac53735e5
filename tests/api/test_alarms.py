"""Alarms: what somebody has to look at, told once, grouped, repeated seldom."""

from pathlib import Path
from typing import Any

import msgspec

from api.log import events
from api.models import Alarm, AlarmMail, Task
from api.telling import letters
from api.telling.lookout import Lookout
from postroom.courier import ClaimedLetter, ClaimedLetters, ClaimLetter, TellLetter
from postroom.settings import Alarms
from tests.api.caller import Caller
from tests.api.scripter import Scripter, ago

TOLD = Alarms(to=("ann@example.org",), group_seconds=0)


def look(api: Caller, options: Alarms = TOLD, disks: dict[str, Path] | None = None) -> None:
    Lookout(api.db, options, disks or {}).look()


def happen(api: Caller, kind: str, source: str = "", **about: Any) -> None:
    with api.db.writing():
        events.tell(kind, source, **about)


def listed(api: Caller, state: str = "open") -> list[tuple[str, str]]:
    items = api.get(f"/v1/alarms?state={state}")["items"]
    return [(each["subject"], each["kind"]) for each in items]


def claim(scripter: Scripter) -> list[ClaimedLetter]:
    answer = scripter.tell("/v1/alarms/claim", ClaimLetter(worker="a"))
    return msgspec.convert(answer, ClaimedLetters).mails


def finish(scripter: Scripter, mail: ClaimedLetter, *, sent: bool = True, http: int = 200) -> Any:
    told = TellLetter(claim=mail.claim, sent=sent, error="" if sent else "no")
    return scripter.tell(f"/v1/alarms/mails/{mail.mail}/tell", told, http)


def aged(api: Caller) -> None:
    with api.db.writing():
        Alarm.update(told=ago(hours=7)).where(Alarm.told > "").execute()
        AlarmMail.update(created=ago(hours=7)).execute()


def test_an_alarm_is_open_from_its_event_to_its_recovery(api: Caller) -> None:
    happen(api, "source.silent", "work")
    happen(api, "source.silent", "work", url="https://x")
    look(api)
    happen(api, "source.failing", "work", error="no")
    look(api)
    # Nobody has these sources configured (any more): what was open of them is over.
    assert listed(api) == []
    assert ("page:work", "source.silent") in listed(api, "all")

    happen(api, "webhook.failing", "x", webhook=3)
    look(api)
    assert listed(api)[0] == ("webhook:3", "webhook.failing")
    happen(api, "webhook.deleted", "x", webhook=3)
    look(api)
    assert ("webhook:3", "webhook.failing") not in listed(api)


def test_many_are_one_mail_and_it_is_repeated_and_their_end_is_told(
    api: Caller, scripter: Scripter
) -> None:
    for number in range(3):
        happen(api, "digest.failing", f"page {number}", error="refused")
    look(api)
    (first,) = claim(scripter)
    assert len(first.opened) == 3
    assert first.opened[0].text == "refused"
    look(api)
    finish(scripter, first)
    look(api)
    assert claim(scripter) == []

    aged(api)
    scripter.post("/v1/alarms/1/acknowledge", {})
    happen(api, "digest.recovered", "page 2")
    look(api)
    (second,) = claim(scripter)

    assert [each.source for each in second.recovered] == ["page 2"]
    assert [each.source for each in second.still_open] == ["page 1"]


def test_a_mail_comes_again_under_its_message_id(api: Caller, scripter: Scripter) -> None:
    happen(api, "runner.absent")
    look(api)
    (first,) = claim(scripter)
    assert finish(scripter, first, sent=False)["state"] == "due"
    (second,) = claim(scripter)

    assert second.message_id == first.message_id
    finish(scripter, first, http=409)
    assert finish(scripter, second)["state"] == "sent"


def test_whose_runner_died_before_it_could_say_so_comes_again(
    api: Caller, scripter: Scripter
) -> None:
    happen(api, "runner.absent")
    look(api)
    (first,) = claim(scripter)
    assert claim(scripter) == []
    with api.db.writing():
        Task.update(lease_until=ago(seconds=1)).execute()
    (second,) = claim(scripter)

    # One who got it twice sees one mail.
    assert second.message_id == first.message_id
    assert second.opened == first.opened
    finish(scripter, first, http=409)
    assert finish(scripter, second)["state"] == "sent"
    assert claim(scripter) == []


def test_without_receivers_nothing_is_mailed(api: Caller) -> None:
    happen(api, "runner.absent")
    look(api, Alarms())

    assert listed(api) == [("runner:", "runner.absent")]
    assert not AlarmMail.select().exists()


def test_a_full_disk_is_told_once_and_its_end(api: Caller, tmp_path: Path) -> None:
    disks = {"database": tmp_path, "not there": tmp_path / "no"}
    for _ in range(2):
        look(api, Alarms(disk_percent=100.0), disks)
    assert listed(api) == [("disk:database", "disk.low")]

    look(api, Alarms(disk_percent=0.0, disk_megabytes=0), disks)

    kinds = [each["kind"] for each in api.get("/v1/events")["items"]]
    assert kinds == ["disk.low", "disk.recovered"]
    assert listed(api) == []


def test_a_quarantine_that_grows_is_told(api: Caller) -> None:
    api.hello()
    api.deliver(*(api.failure(uid, "refused") for uid in range(1, 4)))
    look(api, Alarms(quarantine_new=3))
    assert listed(api) == []

    look(api, Alarms(quarantine_new=2))
    assert listed(api) == [("quarantine:", "quarantine.growing")]

    look(api, Alarms(quarantine_new=5))
    assert listed(api) == []


def test_a_script_that_fails_again_and_again_is_told(api: Caller, scripter: Scripter) -> None:
    scripter.script()
    for _ in range(3):
        scripter.done(status="error", error="no rates")
    look(api)
    assert listed(api) == [("script:prices", "script.failing")]

    scripter.done()
    look(api)
    assert listed(api) == []


def test_a_script_whose_slots_are_missed_is_told_until_one_is_run(
    api: Caller, scripter: Scripter
) -> None:
    scripter.script(cron="0 * * * *", missed="skip")
    scripter.planned("prices", hours=4)
    scripter.slots(ago(hours=3), ago(hours=2), ago(hours=1))
    look(api)
    assert listed(api) == [("slots:prices", "script.missing")]

    scripter.planned("prices", minutes=1)
    assert scripter.slots(ago(seconds=1)) == ["run"]
    look(api)
    assert listed(api) == []


def test_no_more_than_so_many_are_listed(api: Caller, scripter: Scripter) -> None:
    for number in range(letters.MOST + 5):
        happen(api, "digest.failing", str(number))
    look(api)

    (mail,) = claim(scripter)
    assert (len(mail.opened), mail.more) == (letters.MOST, 5)
