"""What an object store lost is wanted again."""

import shutil
import threading
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from api.database import open_database
from api.models import Event, Place, Store
from api.objects import damage
from api.objects.kept import FILES, MAILS, Kept
from postroom import settings
from postroom.errors import TemporaryError
from postroom.storage import Storage, open_storage
from tests.api.caller import Caller, mail_bytes
from tests.api.watcher import Watcher
from tests.servers.swift import Swift


def test_an_earlier_state_of_the_objects_file_is_noticed(api: Caller, tmp_path: Path) -> None:
    api.hello()
    api.push(1)
    api.storage.close()
    for file in tmp_path.glob("mails.sqlite*"):
        shutil.copy(file, tmp_path / f"old-{file.name}")
    api.storage = open_storage("sqlite", tmp_path / "mails.sqlite")
    api.push(2, 3)
    api.storage.close()
    for file in tmp_path.glob("mails.sqlite*"):
        file.unlink()
    for file in tmp_path.glob("old-*"):
        file.rename(tmp_path / file.name.removeprefix("old-"))
    storage = open_storage("sqlite", tmp_path / "mails.sqlite")

    lost = damage.check(api.db, storage)

    assert lost == 2
    assert api.offer((1, 3)).wanted == [3, 2]
    assert Event.select().where(Event.kind == "store.damaged").count() == 1
    assert damage.check(api.db, storage) == 0
    storage.close()


def test_a_lost_mail_that_comes_again_is_whole(api: Caller, tmp_path: Path) -> None:
    api.hello()
    api.push(1)
    api.storage = open_storage("sqlite", tmp_path / "other.sqlite")
    damage.check(api.db, api.storage)
    api.app.config["STORAGE"] = api.storage
    before = api.finish((1, 1))

    statuses = api.push(1)

    assert before["missing"] == 1
    assert statuses == ["duplicate"]
    assert Place.get().state == "stored"
    assert api.client.get("/v1/mails/1/raw").data == mail_bytes(1)
    assert api.finish((1, 1), pass_id="d" * 32)["missing"] == 0


def test_objects_without_a_row_are_collected_when_nobody_touched_them(api: Caller) -> None:
    api.hello()
    api.push(1)
    api.storage.put_many([("f" * 64, b"nobody's")])

    early = damage.collect(api.db, api.storage, time.time() - 3600)
    late = damage.collect(api.db, api.storage, time.time() + 3600)

    assert (early, late) == (0, 1)
    assert api.client.get("/v1/mails/1/raw").status_code == 200


@pytest.mark.parametrize("kept", [MAILS, FILES], ids=lambda kept: kept.holds)
def test_one_store_may_hold_both_and_keeps_what_others_own(api: Caller, kept: Kept) -> None:
    api.hello()
    api.push(1)
    api.app.config["FILES"] = api.files = api.storage
    record = Watcher(api).stored("a.pdf", "hello")
    Watcher(api).tell(record)
    api.storage.put_many([("f" * 64, b""), ("pages/x/nobody", b""), ("runs/1/output", b"")])

    deleted = damage.collect(api.db, api.storage, time.time() + 3600, kept)

    assert deleted == 1
    assert len(list(api.storage.list())) == 4
    assert api.storage.exists([record.key, "runs/1/output"]) == {record.key, "runs/1/output"}
    assert damage.check(api.db, api.storage, kept) == 0


def test_a_restored_store_of_files_is_checked_and_what_it_lost_is_wanted(
    api: Caller, watcher: Watcher
) -> None:
    kept, lost, broken = (watcher.stored(f"{name}.pdf", name) for name in ("a", "b", "c"))
    watcher.tell(kept, lost, broken)
    api.files.delete([lost.key])
    file = Path(unquote(urlsplit(api.files.url(broken.key)).path))
    file.write_bytes(b"other bytes")
    assert damage.check(api.db, api.files, FILES) == 0
    distrust(api)

    assert damage.check(api.db, api.files, FILES) == 2

    assert watcher.links("a.pdf", "b.pdf", "c.pdf") == {"b.pdf": "new", "c.pdf": "new"}
    assert Event.select().where(Event.kind == "store.damaged").count() == 1
    assert watcher.tell(watcher.stored("c.pdf", "c")) == ["stored"]
    assert api.client.get("/v1/files/3/content").data == b"c"


def test_files_that_are_gone_from_their_store_are_found_by_its_list(
    api: Caller, watcher: Watcher
) -> None:
    records = [watcher.stored(f"{number:03}.pdf", str(number)) for number in range(50)]
    watcher.tell(*records)
    api.files.delete([record.key for record in records[::7]])

    assert damage.compare(api.db, api.files, FILES) == 8
    assert damage.compare(api.db, api.files, FILES) == 0

    paths = [f"{number:03}.pdf" for number in range(50)]
    assert sorted(watcher.links(*paths)) == paths[::7]


def distrust(api: Caller) -> None:
    """As if the store were an older copy of the one that rows rely on."""
    with api.db.writing():
        Store.update(batch=10**6).execute()


@pytest.mark.sqlite_only
def test_damage_is_found_while_others_write(api: Caller) -> None:
    api.hello()
    for first in range(1, 601, 100):
        api.push(*range(first, first + 100))
    lost = [sha256(mail_bytes(uid)).hexdigest() for uid in range(1, 301)]
    api.storage.delete(lost)
    distrust(api)
    stop = threading.Event()
    busy = threading.Thread(target=_write_until, args=(api.db.path, stop))
    busy.start()
    try:
        assert damage.check(api.db, api.storage) == 300
    finally:
        stop.set()
        busy.join()
    assert len(api.offer((1, 600)).wanted) == 300


def _write_until(path: Path, stop: threading.Event) -> None:
    other = open_database(path)
    while not stop.wait(0.005):
        with other.writing():
            other.execute_sql("UPDATE mailboxes SET seen = seen || ''")
    other.close()


def test_a_lost_mail_that_was_hidden_once_is_wanted_when_it_shows_again(api: Caller) -> None:
    api.hello()
    api.push(1, 2)
    api.storage.delete([sha256(mail_bytes(1)).hexdigest()])
    distrust(api)
    damage.check(api.db, api.storage)

    api.finish((2, 2))

    assert api.offer((1, 2)).wanted == [1]


def test_a_quarantined_mail_that_was_lost_and_came_again_is_no_longer_missing(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    sha = sha256(raw).hexdigest()
    failed = api.delivery(1, raw, outcome="quarantined", stage="parse", mail=None)
    api.deliver(failed, keep={sha: raw})
    api.storage.delete([sha])
    distrust(api)
    damage.check(api.db, api.storage)

    api.deliver(failed, keep={sha: raw})

    receipt = api.finish((1, 1))
    assert (receipt["quarantined"], receipt["missing"]) == (1, 0)


def test_a_mail_whose_bytes_are_gone_again_is_sent_once_more(api: Caller) -> None:
    api.hello()
    api.push(1)
    raw = mail_bytes(1)
    api.storage.delete([sha256(raw).hexdigest()])
    distrust(api)
    damage.check(api.db, api.storage)

    problem = api.post("/api", [api.delivery(1, raw)], 503)

    assert problem["code"] == "try_later"
    assert api.offer((1, 1)).wanted == [1]


@pytest.mark.parametrize("kind", ["s3"], indirect=True)
def test_what_a_store_without_commits_lost_shows_in_its_listing(
    api: Caller, store: Storage
) -> None:
    api.use(store)
    api.hello()
    api.push(*range(1, 21))
    hashes = {uid: sha256(mail_bytes(uid)).hexdigest() for uid in range(1, 21)}
    store.delete([hashes[3], hashes[20]])
    store.delete([hashes[7]])
    store.put_many([(hashes[7], b"cut off")])

    assert damage.check(api.db, store) == 0
    assert damage.compare(api.db, store) == 3

    assert api.offer((1, 20)).wanted == [20, 7, 3]
    assert Event.select().where(Event.kind == "store.damaged").count() == 1
    assert damage.compare(api.db, store) == 0
    api.push(3, 7, 20)
    raws = [api.client.get(f"/v1/mails/{n}/raw").data for n in range(1, 21)]
    assert {sha256(raw).hexdigest() for raw in raws} == set(hashes.values())


def test_a_mail_that_comes_while_objects_are_listed_is_not_lost(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.hello()
    api.push(1, 2)
    before = list(api.storage.list())
    api.push(3)
    monkeypatch.setattr(api.storage, "list", lambda after="": iter(before))

    assert damage.compare(api.db, api.storage) == 0


def test_a_bucket_that_went_away_is_an_error_and_no_loss(
    api: Caller, swift: Swift, tmp_path: Path
) -> None:
    bucket = f"{swift.bucket}-going"
    (tmp_path / "config.ini").write_text(swift.section("", bucket=bucket))
    swift.make_bucket(bucket)
    store = open_storage("s3", tmp_path, settings.load(tmp_path / "config.ini"))
    api.use(store)
    api.hello()
    api.push(1)
    swift.drop_bucket(bucket)
    distrust(api)

    for find in (damage.check, damage.compare):
        with pytest.raises(TemporaryError, match=f"there is no bucket '{bucket}': create it"):
            find(api.db, store)

    assert api.offer((1, 1)).wanted == []
