"""A backup as it is taken: what is read for it, what is held meanwhile, where it may stand."""

import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from api.backups.backupfolder import BackupFolder
from api.backups.redacted import without_secrets
from api.objects import holding, inventory
from postroom import settings
from postroom.errors import SettingsError
from tests.api.backups import fill, interrupted, make
from tests.api.caller import Caller, mail_bytes
from tests.api.scripter import Scripter


@pytest.mark.sqlite_only
def test_a_second_backup_reads_only_what_is_new(
    api: Caller, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.hello()
    api.push(1, 2, 3)
    make(api, folder).path.rename(folder.path / "moments/20260101T000000Z")
    api.push(4)
    read: list[str] = []
    get = api.storage.get

    def noted(key: str) -> bytes:
        read.append(key)
        return get(key)

    monkeypatch.setattr(api.storage, "get", noted)

    make(api, folder)

    assert read == [sha256(mail_bytes(4)).hexdigest()]
    assert [each.manifest().objects["mails"].count for each in folder.moments()] == [3, 4]


@pytest.mark.sqlite_only
def test_a_backup_that_was_stopped_leaves_no_moment_and_goes_on(
    api: Caller, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(api)
    with monkeypatch.context() as patch:
        patch.setattr(api.files, "open_read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make(api, folder)
    assert folder.moments() == []
    read: list[str] = []
    monkeypatch.setattr(api.storage, "get", read.append)

    make(api, folder)

    # Its small mails were there already.
    assert read == []
    assert [each.name.startswith(".") for each in (folder.path / "moments").iterdir()] == [False]


@pytest.mark.sqlite_only
def test_objects_are_held_for_a_copy_though_their_rows_go(
    api: Caller, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripter = Scripter(api)
    scripter.script()
    scripter.done(output="12 EUR")
    copied = inventory.all_named

    def then_delete() -> Iterator[inventory.Item]:
        yield from copied()
        # From another process, as it were, after the moment was taken.
        threading.Thread(target=lambda: scripter.delete("/v1/scripts/prices")).start()

    monkeypatch.setattr(inventory, "all_named", then_delete)

    manifest = make(api, folder).manifest()

    assert (manifest.objects["files"].count, manifest.objects["files"].missing) == (1, 0)
    assert not holding.are_held()


def test_a_strange_folder_is_refused(folder: BackupFolder, tmp_path: Path) -> None:
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange/file").touch()

    with pytest.raises(SettingsError, match="holds something else than backups"):
        BackupFolder.made(tmp_path / "strange")
    with pytest.raises(SettingsError, match="holds no backup"):
        BackupFolder.found(tmp_path / "strange")
    with pytest.raises(SettingsError, match="no backup that was finished"):
        folder.moment()


def test_settings_are_kept_without_what_is_secret(tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text(
        "[api]\ndatabase = postgresql://me:s3cret@db/postroom\ntoken = s3cret\n"
        "token_file = master.token\n# s3cret\n[runner]\nqueue = amqp://me:s3cret@q:5672/x\n"
        "secrets = data/secrets\n[page a]\nurl = https://a.example/\ncookies = id=s3cret\n"
        "headers = Accept: x\n  X-Key: s3cret\nextensions = pdf,\n  csv\n"
    )

    kept = without_secrets(file)

    assert "s3cret" not in kept
    (tmp_path / "kept.ini").write_text(kept)
    read = settings.load(tmp_path / "kept.ini").sections
    assert read["api"].values == {
        "database": "postgresql://me:...@db/postroom", "token_file": "master.token",
    }  # fmt: skip
    assert read["page a"].get("extensions") == "pdf,\ncsv"
    assert read["runner"].get("secrets") == "data/secrets"
