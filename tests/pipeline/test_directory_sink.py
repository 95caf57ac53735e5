"""One JSON file per mail: whole, private, named by nothing that a sender chose."""

import json
import os
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from master.orders import Order
from master.outage import ApiAwayError
from postroom import records
from postroom.errors import TemporaryError
from tests.pipeline.orders import mail, push


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_directory_sink_writes_one_file_per_mail(make, tmp_path):
    pipeline = make(["api", "directory"])

    for _ in range(2):
        pipeline.answer(push(mail("café"), mail("unparsable")), Order(), lambda: None)

    (file,) = files_in(tmp_path / "data" / "json")
    digest = sha256(mail("café")).hexdigest()
    found = json.loads(file.read_text("utf-8"))
    assert file.name == f"undated-{digest[:16]}.json"
    assert (found["subject"], found["sha256"], found["mailbox"]) == ("café", digest, "work")
    assert found["attachments"][0]["name"] == "../../a.txt"
    assert digest in found["raw"]


def test_a_dated_mail_is_filed_by_its_month_and_odd_text_is_no_obstacle(make, tmp_path):
    pipeline = make(["directory", "api"])
    date = datetime(2026, 2, 3, tzinfo=UTC)
    odd = records.Mail(subject="\udcff", date=date, from_=(records.Address("A", "a@b.c"),))
    object.__setattr__(pipeline, "parse", lambda raw: odd)

    pipeline.answer(push(b"x"), Order(), lambda: None)

    (file,) = files_in(tmp_path / "data" / "json")
    assert (file.parent.name, file.name[:10]) == ("2026-02", "2026-02-03")
    assert json.loads(file.read_text("utf-8"))["from"] == [{"name": "A", "address": "a@b.c"}]


def test_a_directory_that_cannot_be_written_keeps_the_mail_with_the_provider(make, tmp_path, api):
    (tmp_path / "data").write_text("a file")

    with pytest.raises(TemporaryError) as failed:
        make(["directory", "api"]).answer(push(mail("one")), Order(), lambda: None)

    assert not isinstance(failed.value, ApiAwayError)
    assert api.batches == []


def test_nobody_else_may_read_the_files(make, tmp_path):
    umask = os.umask(0)
    try:
        make(["api", "directory"]).answer(push(mail("private")), Order(), lambda: None)
    finally:
        os.umask(umask)

    (file,) = files_in(tmp_path / "data" / "json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert {
        folder.stat().st_mode & 0o777 for folder in file.parents if tmp_path in folder.parents
    } == {0o700}
