"""What the rules let go beside mails: files, and what tells of the past."""

import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from api.models import Alarm, Event, File, Receipt, Run, RunLog, Task
from api.objects import damage
from api.objects.kept import FILES
from api.purging import purge
from api.purging.rules import OfFiles, Rules
from tests.api.caller import Caller
from tests.api.purging import ago, events, run
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher

# --- files


def old_file(watcher: Watcher, path: str, content: str, days: float) -> None:
    watcher.tell(watcher.stored(path, content))
    row = File.select().order_by(File.id.desc()).get()
    with watcher.api.db.writing():
        File.update(created=ago(days), news="").where(File.id == row.id).execute()
    when = datetime.now(UTC).timestamp() - days * 86_400
    os.utime(Path(watcher.api.files.url(row.key).removeprefix("file://")), (when, when))


def test_old_files_go_and_are_known_when_the_page_still_has_them(watcher: Watcher) -> None:
    watcher.links("a.pdf", "b.pdf")
    old_file(watcher, "b.pdf", "new", 1)
    with watcher.api.db.writing():
        File.update(created=ago(40)).where(File.download_url.endswith("a.pdf")).execute()
    record = watcher.stored("a.pdf", "old")
    watcher.tell(record)
    with watcher.api.db.writing():
        File.update(news="").execute()
    os.utime(Path(watcher.api.files.url(record.key).removeprefix("file://")), (1, 1))

    assert run(watcher.api, Rules(files=OfFiles(days=30))) == [("files", "prices", 1)]

    (gone,) = watcher.api.get("/v1/files?state=purged")["items"]
    assert (gone["filename"], gone["storage_url"]) == ("a.pdf", "")
    assert watcher.api.get(f"/v1/files/{gone['id']}/content", 404)["code"] == "not_stored"
    assert watcher.api.files.exists([record.key]) == set()
    assert watcher.links("a.pdf") == {}
    assert watcher.tell(watcher.unchanged("a.pdf")) == ["known"]
    assert watcher.tell(watcher.stored("a.pdf", "old")) == ["known"]
    assert events("file.purged")[0]["filename"] == "a.pdf"
    assert watcher.tell(watcher.stored("a.pdf", "newer")) == ["changed"]
    assert watcher.shown()["files"] == {"found": 0, "stored": 2, "failed": 0, "purged": 0}


def test_of_each_file_so_many_versions_are_kept(watcher: Watcher) -> None:
    watcher.links("a.pdf")
    for number in range(4):
        old_file(watcher, "a.pdf", f"version {number}", 3)

    said = Rules(pages={"prices": OfFiles(versions=2)})
    assert run(watcher.api, said) == [("files", "prices", 2)]

    left = watcher.api.get("/v1/files?versions=all&state=stored")["items"]
    assert sorted(each["version"] for each in left) == sorted(
        sha256(f"version {number}".encode()).hexdigest() for number in (2, 3)
    )
    assert damage.compare(watcher.api.db, watcher.api.files, FILES) == 0


def test_what_is_asked_for_again_is_kept_again(watcher: Watcher) -> None:
    watcher.links("a.pdf")
    old_file(watcher, "a.pdf", "one", 40)
    run(watcher.api, Rules(files=OfFiles(days=30)))
    scripter = Scripter(watcher.api)

    scripter.post("/v1/files/1/retry", {}, 202)

    assert watcher.links("a.pdf") == {"a.pdf": "new"}
    assert watcher.tell(watcher.stored("a.pdf", "one")) == ["stored"]
    assert watcher.api.client.get("/v1/files/1/content").data == b"one"


# --- what tells of the past


def test_logs_and_records_go_and_what_is_needed_stays(api: Caller) -> None:
    api.hello()
    api.push(1)
    for number in range(3):
        api.finish((1, 1), pass_id=f"{number:032}")
    scripter = Scripter(api)
    scripter.script()
    scripter.run()
    (first,) = scripter.claim()
    scripter.log(first, "hello")
    scripter.finish(first)
    with api.db.writing():
        Receipt.update(created=ago(40)).execute()
        Run.update(ended=ago(40)).execute()
        Task.insert(kind="sync", source="work", state="done", changed=ago(40)).execute()
        Task.update(changed=ago(40)).execute()
        for ended in ("", ago(40)):
            Alarm.insert(subject=f"x{ended}", kind="disk.low", event=1, ended=ended).execute()

    assert run(api, Rules(logs=30, records=30)) == [
        ("logs of runs", "", 1), ("receipts", "", 2), ("tasks", "", 1), ("alarms", "", 1),
    ]  # fmt: skip

    assert (RunLog.select().count(), Run.select().count(), Receipt.select().count()) == (0, 1, 1)
    assert api.get("/v1/mailboxes/work")["last_receipt"]["listed"] == 1
    assert [alarm.ended for alarm in Alarm.select()] == [""]


def test_events_and_runs_go_by_their_own_settings(api: Caller) -> None:
    scripter = Scripter(api)
    scripter.script(keep_runs=1)
    for _ in range(3):
        scripter.done(output="12 EUR")
    with api.db.writing():
        Event.update(created=ago(100)).execute()
    count = Event.select().count()

    planned = purge.plan(Rules(events=90), datetime.now(UTC))
    done = run(api, Rules(events=90))

    assert done == [(line.kind, line.source, line.count) for line in planned]
    assert done == [("runs", "prices", 2), ("events", "", count - 1)]
