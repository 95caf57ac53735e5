"""What an object store lost is wanted again."""

import shutil
import time
from pathlib import Path

from api import damage
from api.models import Event, Place
from postroom.storage import open_storage
from tests.api.caller import Caller, mail_bytes


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
