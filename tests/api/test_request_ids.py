"""Each answer names its request, and so does each line of the log that belongs to it."""

import json
import logging
from pathlib import Path

import pytest

from postroom import logs
from postroom.following import HEADER
from tests.api.caller import Caller

#: The database has no part in it.
pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def lines(tmp_path: Path):
    """Reads the log of the test so far."""
    file = tmp_path / "log"
    logs.configure("debug", file, terminal=False, line="json")
    yield lambda: [json.loads(line) for line in file.read_text().splitlines()]
    for handler in logging.getLogger().handlers:
        handler.close()


def test_an_answer_has_the_id_of_its_caller_or_a_new_one(api: Caller) -> None:
    def answered(**headers: str) -> str:
        return str(api.client.get("/health", headers=headers).headers[HEADER])

    assert answered(**{HEADER: "mine-1"}) == "mine-1"
    assert answered(**{HEADER: "not mine"}) != "not mine"
    assert answered() != answered()


@pytest.mark.parametrize("path", ["/nowhere", "/static/nothing", "/v1/mails/999"])
def test_what_is_refused_has_an_id_and_a_line(api: Caller, lines, path: str) -> None:
    answer = api.client.get(path, headers={HEADER: "mine-1"})

    (line,) = [line for line in lines() if "API: GET" in line["message"]]
    assert answer.headers[HEADER] == line["request"] == "mine-1"
    assert line["message"].startswith(f"API: GET {path}: 404 NOT FOUND")
    assert line["level"] == "info"


def test_what_somebody_looks_for_is_in_no_log(api: Caller, lines) -> None:
    api.get("/v1/mails?q=sesame")

    assert "sesame" not in json.dumps(lines())


def test_a_failure_names_the_line_that_tells_why(api: Caller, lines, monkeypatch) -> None:
    monkeypatch.setattr("api.views.log.answer", lambda _: 1 / 0)

    told = api.get("/v1/quarantine", 500, **{HEADER: "mine-1"})

    (line,) = [line for line in lines() if line["level"] == "error"]
    assert told["detail"].endswith("at mine-1.")
    assert line["request"] == "mine-1"
    assert "ZeroDivisionError" in line["error"]


def test_each_mail_of_a_batch_is_named_by_its_place(api: Caller, lines) -> None:
    api.hello()
    api.push(1, 2)

    (line,) = [line for line in lines() if "mails" in line["message"] and "items" in line]
    assert [item["place"] for item in line["items"]] == ["work/INBOX/7/1", "work/INBOX/7/2"]
    assert {item["mail"] for item in line["items"]} == {1, 2}
