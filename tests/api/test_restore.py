"""What a backup has is put in place again: all of it, byte for byte, or nothing."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.backups import restoring
from api.backups.backupfolder import BackupFolder
from api.database import RESTORING, Database, open_database
from api.models import Event, Fact, Mail, Place, database
from api.objects import damage
from api.objects.kept import FILES, MAILS, RUNS
from api.schema import moving
from api.schema.migrations import feed_epoch
from postroom import settings
from postroom.errors import PostroomError, SettingsError
from postroom.storage import Storage, open_storage
from tests.api.backups import fill, interrupted, make, of
from tests.api.caller import Caller, mail_bytes, pushing
from tests.servers.swift import Swift
from tests.waiting import wait_until


@pytest.fixture
def other(db: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database of the same kind, for what is restored."""
    if db.kind == "sqlite":
        found = open_database(tmp_path / "other" / "postroom.sqlite")
        yield found
        found.close_all()
        return
    server = request.getfixturevalue("postgres")
    url = server.make()
    found = open_database(url, folder=tmp_path / "other")
    yield found
    found.close_all()
    server.drop(url)


@pytest.fixture
def empty(tmp_path: Path) -> Mapping[Any, Storage]:
    """Stores for what is restored."""
    return {
        "mails": open_storage("sqlite", tmp_path / "other" / "mails.sqlite"),
        "files": open_storage("directory", tmp_path / "other" / "files"),
    }


def restore(
    folder: BackupFolder, db: Database, stores: Mapping[Any, Storage], *, at: str = "",
    replace: bool = False,
) -> Caller:  # fmt: skip
    """What the command does; an API on what was restored."""
    moment = folder.moment(at)
    restoring.check_target(db, stores, moment.manifest(), moment, replace=replace)
    restoring.prove(folder, moment)
    restoring.put(db, stores, folder, moment)
    return Caller(create_app(db, stores["mails"], files=stores["files"]), db, *stores.values())


def digests(db: Database) -> dict[str, tuple[int, str]]:
    """All tables by their hashes, but those that a restore changes."""
    database.initialize(db)
    return {
        table.name: moving.digest_of(db, table)
        for table in moving.tables()
        if table.name not in ("facts", "events", "files")
    }


def objects(stores: Mapping[Any, Storage]) -> dict[str, str]:
    """The hashes of all that stores have."""
    found = {}
    for store in stores.values():
        for entry in store.list():
            found[entry.key] = sha256(store.get(entry.key)).hexdigest()
    return found


def test_all_is_restored_byte_for_byte(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage]
) -> None:
    fill(api)
    before, epoch, last = digests(api.db), feed_epoch(), Event.select().count()
    manifest = make(api, folder).manifest()

    there = restore(folder, other, empty)

    assert digests(other) == before
    assert objects(empty) == objects(of(api))
    assert (manifest.objects["mails"].count, manifest.objects["files"].count) == (31, 3)
    assert manifest.rows["mails"] == 31
    assert feed_epoch() != epoch
    assert Event.select().count() == last + 1
    (file,) = there.get("/v1/files?q=a.pdf")["items"]
    assert file["storage_url"] == empty["files"].url(file["storage_url"].partition("files/")[2])
    assert there.get("/v1/mails?q=hello")["items"]
    for store, kept in ((empty["mails"], MAILS), (empty["files"], FILES), (empty["files"], RUNS)):
        assert damage.check(other, store, kept) + damage.compare(other, store, kept) == 0


def test_what_is_pushed_meanwhile_is_in_it_whole_or_not_at_all(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage]
) -> None:
    api.hello()
    api.push(*range(1, 101))

    with pushing(api, 101) as pushed:
        wait_until(lambda: len(pushed) > 2, 60, "mails to come")
        make(api, folder)
        seen = len(pushed)
        wait_until(lambda: len(pushed) > seen + 2, 60, "mails to come after it")

    there = restore(folder, other, empty)

    held = Place.select().count()
    assert 102 <= held < pushed[-1]
    assert Mail.select().count() == held
    assert there.offer((1, pushed[-1])).wanted == list(range(pushed[-1], held, -1))
    assert objects(empty) == {key: key for key in objects(empty)}
    assert damage.compare(other, empty["mails"]) == 0


def test_an_earlier_moment_is_restored_and_those_too_many_are_forgotten(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage]
) -> None:
    api.hello()
    api.push(1)
    make(api, folder).path.rename(folder.path / "moments/20260101T000000Z")
    with api.db.writing():
        MAILS.give_up([sha256(mail_bytes(1)).hexdigest()])
    api.push(2)
    make(api, folder)

    there = restore(folder, other, empty, at="20260101T000000Z")

    assert there.offer((1, 2)).wanted == [2]
    assert folder.forget(1) == 1
    assert len(folder.moments()) == 1
    with pytest.raises(SettingsError, match="holds no backup of 20260101T000000Z, but of"):
        folder.moment("20260101T000000Z")


def spoil_object(folder: BackupFolder) -> None:
    (file,) = (folder.path / "files/sha256").rglob(sha256(b"one").hexdigest())
    file.write_bytes(b"two")


def lose_object(folder: BackupFolder) -> None:
    stores = folder.stores()
    stores["mails"].delete([sha256(mail_bytes(7)).hexdigest()])
    stores["mails"].close()


def cut_database(folder: BackupFolder) -> None:
    (file,) = folder.moment().path.glob("database.*")
    file.write_bytes(file.read_bytes()[:-1])


def drop_line(folder: BackupFolder) -> None:
    file = folder.moment().path / "objects.jsonl"
    file.write_text(file.read_text().partition("\n")[2])


@pytest.mark.sqlite_only
@pytest.mark.parametrize("spoil", [spoil_object, lose_object, cut_database, drop_line])
def test_a_damaged_backup_is_refused_before_anything_is_put(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage], spoil: Any
) -> None:
    fill(api)
    make(api, folder)
    spoil(folder)

    with pytest.raises(PostroomError, match="is damaged, nothing was put in place"):
        restore(folder, other, empty)

    assert objects(empty) == {}
    assert other.get_tables() == []


def test_what_holds_something_is_replaced_only_when_told(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage]
) -> None:
    api.hello()
    api.push(1)
    make(api, folder)
    there = Caller(create_app(other, empty["mails"], files=empty["files"]), other, empty["mails"])
    there.hello()
    there.push(5)

    with pytest.raises(SettingsError, match="holds a database already: with --replace"):
        restore(folder, other, empty)
    again = restore(folder, other, empty, replace=True)

    assert [each["subject"] for each in again.get("/v1/mails")["items"]] == ["mail 1"]
    again.push(2)
    assert again.offer((1, 9)).wanted == [9, 8, 7, 6, 5, 4, 3]


@pytest.mark.sqlite_only
def test_a_store_with_other_objects_is_not_mixed_up_by_chance(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage]
) -> None:
    make(api, folder)
    empty["files"].put_many([("pages/x/y", b"a stranger's")])

    with pytest.raises(
        SettingsError, match=r"the \[storage\] for files holds objects that are not"
    ):
        restore(folder, other, empty)


def test_one_that_was_stopped_is_run_again(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fill(api)
    before = digests(api.db)
    make(api, folder)
    with monkeypatch.context() as patch:
        patch.setattr(empty["files"], "open_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            restore(folder, other, empty)
    with monkeypatch.context() as patch:
        patch.setattr("api.rest.security.forget_strange_tokens", interrupted)
        with pytest.raises(KeyboardInterrupt):
            restore(folder, other, empty)
    if other.kind == "postgresql":
        database.initialize(other)
        with pytest.raises(SettingsError, match="run `python -m api restore` again"):
            create_app(other, empty["mails"])
        assert Fact.get(Fact.name == RESTORING)

    restore(folder, other, empty)

    assert digests(other) == before
    assert objects(empty) == objects(of(api))


@pytest.mark.sqlite_only
def test_what_a_store_lacks_is_counted_and_told(
    api: Caller, folder: BackupFolder, other: Database, empty: Mapping[Any, Storage]
) -> None:
    api.hello()
    api.push(1, 2)
    api.storage.delete([sha256(mail_bytes(1)).hexdigest()])

    manifest = make(api, folder).manifest()
    there = restore(folder, other, empty)
    damage.compare(other, empty["mails"])

    assert (manifest.objects["mails"].count, manifest.objects["mails"].missing) == (1, 1)
    assert there.offer((1, 2)).wanted == [1]


@pytest.mark.sqlite_only
def test_a_bucket_is_copied_and_filled_again(
    api: Caller, folder: BackupFolder, other: Database, swift: Swift, tmp_path: Path
) -> None:
    def buckets(prefix: str) -> dict[Any, Storage]:
        file = tmp_path / f"{prefix}.ini"
        file.write_text(swift.section(f"{tmp_path.name}/{prefix}"))
        config = settings.load(file)
        return {name: open_storage("s3", tmp_path, config) for name in ("mails", "files")}

    stores = buckets("old")
    api.use(stores["mails"])
    api.files = api.app.config["FILES"] = stores["mails"]
    fill(api, mails=5)
    make(api, folder)

    new = buckets("new")
    restore(folder, other, {"mails": new["mails"], "files": new["mails"]}, replace=True)

    assert objects({"mails": new["mails"]}) == objects({"mails": stores["mails"]})
