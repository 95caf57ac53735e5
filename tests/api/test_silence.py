"""Sources that fall silent or fail are told of once, and so is their recovery."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.database import open_database
from api.models import Fact, Mailbox, database
from api.schedule import stamp
from api.schema import migrations
from api.schema.migrations import migrate
from api.sources import silence
from api.sources.silence import PATIENCE, Watch
from postroom import wire
from tests.api.caller import Caller

LONG = PATIENCE + timedelta(seconds=5)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def watch(api: Caller) -> Watch:
    return Watch(api.db, now() - timedelta(days=1))


def told(api: Caller) -> list[str]:
    return [event["kind"] for event in events(api)]


def events(api: Caller) -> list[dict[str, Any]]:
    items = api.get("/v1/events?limit=100")["items"]
    return [event for event in items if event["kind"].startswith("source.")]


def sign(api: Caller, error: str = "", next_try: float = 0.0, *, resting: bool = False) -> None:
    fields = {**api.place(), "folder": "", "uidvalidity": 0}
    told = wire.Pass(**fields, error=error, next_try=next_try, resting=resting)
    api.post("/v1/mailboxes/work/passes", told)


def shown(api: Caller, name: str = "work") -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/mailboxes/{name}")
    return found


def test_a_source_that_falls_silent_is_told_of_once_and_again_when_it_is_back(api, watch):
    api.hello()
    sign(api)
    watch.look(now() + timedelta(seconds=60))
    assert told(api) == []

    watch.look(now() + LONG)
    watch.look(now() + LONG)
    assert told(api) == ["source.silent"]
    assert shown(api)["state"] == "silent"

    sign(api)
    sign(api)
    assert told(api) == ["source.silent", "source.recovered"]
    assert shown(api)["state"] == "ok"
    assert events(api)[1]["about"] == {"was": "silent"}


def test_a_source_that_goes_on_failing_is_told_of_once(api, watch):
    api.hello()
    sign(api, "password refused", 40.0)
    watch.look()
    assert told(api) == []
    assert (shown(api)["state"], shown(api)["error"]) == ("ok", "password refused")

    failing_since(now() - LONG, api)
    watch.look()
    watch.look()
    sign(api, "password refused", 40.0)

    assert told(api) == ["source.failing"]
    assert events(api)[0]["about"]["error"] == "password refused"
    assert shown(api)["state"] == "failing"

    sign(api)
    assert told(api) == ["source.failing", "source.recovered"]


def failing_since(at: datetime, api: Caller) -> None:
    with api.db.writing():
        Mailbox.update(failed=stamp(at)).execute()


def test_a_source_that_keeps_to_its_own_limit_says_so_and_raises_no_alarm(api, watch):
    api.hello()
    sign(api, "the day's budget is spent", 4_000.0, resting=True)

    watch.look(now() + PATIENCE - timedelta(seconds=5))
    resting = shown(api)
    assert (resting["state"], resting["error"]) == ("resting", "the day's budget is spent")
    assert (resting["failing_since"], resting["last_error"]) == (None, "")
    assert resting["next_try"]

    sign(api)
    assert shown(api)["state"] == "ok"
    assert told(api) == []


def test_who_rests_does_not_fail_any_more_and_may_fail_again(api, watch):
    api.hello()
    sign(api, "password refused")
    failing_since(now() - LONG, api)
    watch.look()

    sign(api, "the day's budget is spent", resting=True)
    sign(api, "password refused")
    failing_since(now() - LONG, api)
    watch.look()

    assert told(api) == ["source.failing", "source.recovered", "source.failing"]


def test_the_last_error_and_the_next_try_are_shown(api):
    api.hello()
    sign(api, "password refused", 40.0)

    failing = shown(api)
    seconds = (datetime.fromisoformat(failing["next_try"]) - now()).total_seconds()
    assert 30 < seconds <= 40
    assert failing["failing_since"] == failing["last_error_at"]

    sign(api)
    well = shown(api)
    assert (well["error"], well["next_try"], well["failing_since"]) == ("", None, None)
    assert (well["last_error"], well["last_error_at"]) == (
        "password refused",
        failing["last_error_at"],
    )


def test_a_folder_that_can_be_read_does_not_hide_one_that_cannot(api):
    api.hello()
    sign(api, "Archive: the server says no")

    api.finish()

    assert shown(api)["error"] == "Archive: the server says no"


def test_who_was_silent_and_comes_back_failing_is_failing(api, watch):
    api.hello()
    watch.look(now() + LONG)

    sign(api, "password refused")

    assert told(api) == ["source.silent", "source.failing"]
    assert shown(api)["state"] == "failing"


def test_what_was_configured_and_never_came_is_silent_too(api, watch):
    silence.expect(api.db, {"work": "imap", "archive": "maildir"})
    assert shown(api, "archive")["state"] == "new"
    assert shown(api, "archive")["seen"] is None
    assert shown(api, "archive")["lag"] is None

    watch.look()
    assert told(api) == []
    watch.look(now() + LONG)
    watch.look(now() + LONG)

    assert told(api) == ["source.silent"] * 2
    api.hello()
    sign(api)
    assert told(api)[2:] == ["source.recovered"]
    assert api.epoch == 1
    assert api.get("/v1/events?limit=100")["items"][-1]["kind"] == "source.recovered"


def test_what_is_configured_no_longer_and_never_came_is_forgotten(api):
    api.hello()
    silence.expect(api.db, {"work": "imap", "archive": "maildir"})
    silence.expect(api.db, {})

    assert [item["name"] for item in api.get("/v1/mailboxes")["items"]] == ["work"]


def test_a_source_that_comes_in_time_was_never_silent(api, watch):
    silence.expect(api.db, {"work": "imap"})
    api.hello()
    assert shown(api)["state"] == "ok"

    watch.look(now() + timedelta(seconds=60))

    assert told(api) == []


def test_programs_and_single_passes_are_not_missed(api, watch):
    api.deliver({**api.delivery(1, b"x"), "mailbox": "by-hand", "epoch": 0})
    api.hello()
    with api.db.writing():
        Mailbox.update(interval=0.0).where(Mailbox.name == "work").execute()

    watch.look(now() + timedelta(days=365))

    assert told(api) == []


def test_while_the_api_was_down_nobody_could_be_heard(api):
    api.hello()
    later = now() + timedelta(days=1)
    restarted = Watch(api.db, later)

    restarted.look(later + timedelta(seconds=60))
    assert told(api) == []

    restarted.look(later + LONG)
    assert told(api) == ["source.silent"]


def test_a_slow_source_has_three_of_its_intervals(api, watch):
    api.hello()
    with api.db.writing():
        Mailbox.update(interval=3_600.0).execute()

    watch.look(now() + timedelta(hours=2))
    assert told(api) == []
    watch.look(now() + timedelta(hours=4))
    assert told(api) == ["source.silent"]


def test_mail_is_a_sign_of_life(api):
    api.hello()
    before = stamp(now() - timedelta(hours=1))
    with api.db.writing():
        Mailbox.update(seen=before).execute()

    api.push(1)

    assert shown(api)["seen"] > before


def test_lag_counts_from_the_last_moment_when_nothing_was_missing(api):
    api.hello()
    assert shown(api)["lag"] is None
    api.finish((1, 2), pass_id="a" * 32)
    assert shown(api)["lag"] is None

    api.push(1, 2)
    api.finish((1, 2), pass_id="b" * 32)
    assert shown(api)["lag"] < 60

    api.finish((1, 3), pass_id="c" * 32)
    mailbox = Mailbox.get()
    assert 3_590 < (silence.lag(mailbox, now() + timedelta(hours=1)) or 0) < 3_660
    sign(api, "gone")
    failing_since(now() - timedelta(hours=2), api)
    assert shown(api)["lag"] >= 7_200


def test_an_older_database_learns_of_silence(tmp_path: Path):
    db = open_database(tmp_path / "old.sqlite")
    database.initialize(db)
    migrate(db)
    later = ("day", "day_bytes")
    with db.writing():
        for column in ("state", "failed", "last_error", "last_error_at", "next_try", *later):
            db.execute_sql(f"ALTER TABLE mailboxes DROP COLUMN {column}")
        db.execute_sql(
            "INSERT INTO mailboxes (created, changed, name, kind, fingerprint, epoch, last_number, "
            "interval, seen, error) VALUES ('', '', 'old', 'imap', 'f', 1, 0, 10, '', '')"
        )
        Fact.replace(
            name="schema", value=str(migrations.STEPS.index(migrations._know_silence))
        ).execute()

    migrate(db)

    assert (Mailbox.get().state, Mailbox.get().last_error) == ("ok", "")
    assert (Mailbox.get().day, Mailbox.get().day_bytes) == ("", 0)
    db.close()
