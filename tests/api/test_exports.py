"""What a filter selects leaves as one file: whole, each mail once, in constant memory."""

import csv
import io
import json
import mailbox
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.mails import export, mbox
from api.rest import problems
from api.server import serve
from api.views import exports
from postroom.errors import PostroomError
from postroom.storage import StorageBrokenError
from tests.api.caller import Caller, mail_bytes
from tests.waiting import wait_until


def lines(api: Caller, query: str = "") -> list[dict[str, object]]:
    return [
        json.loads(line) for line in api.client.get(f"/v1/mails.jsonl{query}").text.splitlines()
    ]


def keep(api: Caller, *raws: bytes) -> None:
    held = {sha256(raw).hexdigest(): raw for raw in raws}
    api.deliver(*(api.delivery(uid, raw) for uid, raw in enumerate(raws, 1)), keep=held)


def test_each_mail_is_a_line_as_the_api_shows_it(api: Caller) -> None:
    api.hello()
    api.push(*range(1, 4))

    told = lines(api)

    assert told == [api.get(f"/v1/mails/{id_}") for id_ in (1, 2, 3)]


def test_an_export_is_as_long_as_it_takes(api: Caller) -> None:
    api.hello()
    api.push(*range(1, 2 * export.BATCH + 2))

    response = api.client.get("/v1/mails.jsonl?fields=id")

    assert response.headers["Postroom-Mails"] == "201"
    assert [json.loads(line)["id"] for line in response.text.splitlines()] == list(range(1, 202))


@pytest.mark.parametrize("ending", ["jsonl", "csv", "mbox"])
def test_the_filters_of_the_list_select(api: Caller, ending: str) -> None:
    api.hello()
    api.push(1, 2, 3)

    response = api.client.get(f"/v1/mails.{ending}?sha256={sha256(mail_bytes(2)).hexdigest()}")

    assert "mail 2" in response.text
    assert "mail 1" not in response.text
    assert api.get(f"/v1/mails.{ending}?has=wings", 400)["code"] == "bad_has"
    assert api.get(f"/v1/mails.{ending}?limit=5", 400)["code"] == "unknown_parameter"


@pytest.mark.parametrize("ending", ["jsonl", "csv", "mbox"])
def test_a_batch_costs_a_few_queries_however_many_mails_it_has(
    api: Caller, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    api.hello()
    api.push(*range(1, export.BATCH + 1))
    asked: list[str] = []
    execute = api.db.execute_sql

    def counted(sql: str, *given: object) -> object:
        asked.append(sql)
        return execute(sql, *given)

    monkeypatch.setattr(api.db, "execute_sql", counted)

    assert api.client.get(f"/v1/mails.{ending}").status_code == 200
    assert 0 < len(asked) < 8


def test_what_comes_during_an_export_is_not_in_it(api: Caller) -> None:
    api.hello()
    api.push(*range(1, export.BATCH + 2))
    told = export.lines(export.select({}), ("id",))

    first = next(told)
    api.push(500)

    assert len([first, *told]) == export.BATCH + 1


def test_no_cell_of_a_table_is_a_formula(api: Caller) -> None:
    api.hello()
    evil = {"subject": "=HYPERLINK(1)", "from": [["@sum", "a@b"]], "message_id": "-1+2"}
    api.deliver(api.delivery(1, b"x", mail=evil))

    (row,) = csv.DictReader(io.StringIO(api.client.get("/v1/mails.csv").text))

    assert (row["subject"], row["from"]) == ("'=HYPERLINK(1)", "'@sum <a@b>")
    assert row["message_id"] == "'-1+2"
    assert row["places"] == "work/INBOX"


def test_a_table_has_the_columns_that_are_asked_for(api: Caller) -> None:
    api.hello()
    api.push(1)

    assert api.client.get("/v1/mails.csv?fields=subject,id").text == "id,subject\r\n1,mail 1\r\n"
    assert api.get("/v1/mails.csv?fields=text", 400)["code"] == "bad_fields"


def test_an_mbox_gives_back_each_mail(api: Caller, tmp_path: Path) -> None:
    raws = [
        b"Subject: a\r\n\r\nFrom here on\r\n>From there\r\n>>From\r\n",
        b"",
        b"Subject: c\n\nFrom",
    ]
    api.hello()
    keep(api, *raws)
    (tmp_path / "all").write_bytes(api.client.get("/v1/mails.mbox").data)

    with closing(mailbox.mbox(tmp_path / "all")) as box:
        found = [unquoted(box.get_bytes(key)) for key in box.keys()]  # noqa: SIM118

    assert sorted(found) == sorted(map(as_lines, raws))


def test_mails_without_raw_bytes_are_counted_and_left_out_of_an_mbox(api: Caller) -> None:
    api.post(
        "/api", [{"subject": "no bytes"}, {"subject": "some", "raw": b"Subject: some\r\n\r\n"}]
    )

    headers = api.client.get("/v1/mails.mbox").headers

    assert (headers["Postroom-Mails"], headers["Postroom-Left-Out"]) == ("1", "1")


def as_lines(raw: bytes) -> bytes:
    """As an mbox has it: lines end with LF, and the last one does, too."""
    text = raw.replace(b"\r\n", b"\n")
    return text if text.endswith(b"\n") or not text else text + b"\n"


def unquoted(text: bytes) -> bytes:
    lines = text.split(b"\n")
    return b"\n".join(
        line[1:] if line.lstrip(b">").startswith(b"From ") else line for line in lines
    )


@given(st.lists(st.sampled_from([b"F", b"rom", b" ", b">", b"\r", b"\n", b"From ", b"x"])))
def test_wherever_a_mail_is_cut_its_quoting_is_the_same(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)

    told = b"".join(mbox.quoted(pieces))

    assert told == b"".join(mbox.quoted([raw]))
    assert not any(line.startswith(b"From ") for line in told.split(b"\n"))
    assert unquoted(told) in (as_lines(raw) + b"\n", as_lines(raw) + b"\n\n")


def test_a_separator_names_the_sender_only_where_he_can_be_named() -> None:
    date = "2026-01-05T10:00:00.000Z"

    assert mbox.separator("a@b.example", date) == b"From a@b.example Mon Jan  5 10:00:00 2026\n"
    assert mbox.separator("a b@c\nFrom x", date).startswith(b"From MAILER-DAEMON ")


@pytest.mark.parametrize("ending", ["jsonl", "csv", "mbox"])
def test_large_mails_leave_in_constant_memory(api: Caller, ending: str) -> None:
    api.hello()
    for uid in range(1, 31):
        keep_one(api, uid, 1024 * 1024)
    size = 0

    tracemalloc.start()
    with api.app.test_request_context(f"/v1/mails.{ending}"):
        response = api.app.full_dispatch_request()
        for chunk in response.response:
            size += len(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size > (30_000_000 if ending != "csv" else 3_000)
    assert peak < 12_000_000


def keep_one(api: Caller, uid: int, size: int) -> None:
    raw = mail_bytes(uid, "x" * size)
    api.deliver(api.delivery(uid, raw), keep={sha256(raw).hexdigest(): raw})


def test_a_raw_mail_that_is_lost_is_told_before_anything_is_sent(api: Caller) -> None:
    api.hello()
    api.push(1)
    api.storage.delete([sha256(mail_bytes(1)).hexdigest()])

    assert api.get("/v1/mails.mbox", 404)["code"] == "no_raw"
    assert api.client.get("/v1/mails.csv").status_code == 200


def test_an_export_that_fails_in_its_middle_does_not_look_whole(
    api: Caller, free_port: int
) -> None:
    api.hello()
    keep_one(api, 1, 1024 * 1024)
    api.push(2)
    api.storage.delete([sha256(mail_bytes(2)).hexdigest()])
    stop = threading.Event()
    server = threading.Thread(target=serve, args=(api.app, "127.0.0.1", free_port, 2, stop))
    server.start()
    try:
        connection = HTTPConnection("127.0.0.1", free_port, timeout=30)
        wait_until(lambda: _connects(connection), 10, "the API")
        connection.request("GET", "/v1/mails.mbox")
        answer = connection.getresponse()

        assert answer.status == 200
        with pytest.raises(IncompleteRead):
            answer.read()
        connection.close()
    finally:
        stop.set()
        server.join()


def _connects(connection: HTTPConnection) -> bool:
    try:
        connection.connect()
    except OSError:
        return False
    return True


def test_a_store_that_breaks_in_the_middle_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[object] = []
    monkeypatch.setattr(problems, "end_process", lambda *told: ended.extend(told))

    def broken() -> Iterator[bytes]:
        yield b"some"
        raise StorageBrokenError("the disk")

    assert list(problems.guarded(broken())) == [b"some"]
    assert ended[0] == "the object store"


def test_a_mail_that_went_breaks_the_export_off(api: Caller) -> None:
    api.hello()
    api.push(1, 2)
    selected = export.select({})
    selected.append(99)

    with pytest.raises(PostroomError, match="went"):
        list(export.rows(selected, None))


def test_only_so_many_exports_run_at_once(api: Caller) -> None:
    most = api.app.config["EXPORTS"].most
    with api.app.app_context():
        turns = [exports.Turn() for _ in range(most)]

    refused = api.client.get("/v1/mails.csv")
    for turn in turns:
        turn.end()

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    for _ in range(most + 1):
        assert api.client.get("/v1/mails.csv").status_code == 200
        assert api.client.head("/v1/mails.csv").status_code == 200
