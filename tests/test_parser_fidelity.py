"""The comparison with a suite counts what is right and what is not."""

import json
from pathlib import Path

from bench.answers import Facts
from bench.fidelity import score
from bench.rivals import compat32, postroom

MAIL = (
    b"Subject: =?utf-8?Q?=C3=A9?=\nFrom: Ann <a@x>\nDate: Wed, 17 May 2000 19:35:05 -0400\n"
    b"Content-Type: text/plain\n\nhello\n"
)


def header(name: str, kind: str, value: object) -> dict[str, object]:
    return {"name": name, "value": {kind: value}}


def suite(folder: Path) -> Path:
    names = ("year", "month", "day", "hour", "minute", "second", "tz_hour", "tz_minute")
    moment = dict(zip(names, (2000, 5, 17, 19, 35, 5, 4, 0), strict=True), tz_before_gmt=True)
    part = {
        "headers": [
            header("subject", "Text", "é"),
            header("from", "Address", {"List": [{"name": "Ann", "address": "a@x"}]}),
            header("date", "DateTime", moment),
        ],
        "body": {"Text": "hello\n"},
    }
    answer = {"text_body": [0], "html_body": [0], "attachments": [], "parts": [part]}
    (folder / "one.eml").write_bytes(MAIL)
    (folder / "one.json").write_text(json.dumps(answer))
    return folder


def test_all_facts_of_a_plain_mail_are_right(tmp_path: Path):
    for parser in (postroom, compat32):
        counted = score(parser, suite(tmp_path), None)

        facts = {fact for fact in counted if not fact.startswith("=")}
        assert len(facts) == 9
        assert all(counted[f"={fact}"] == counted[fact] == 1 for fact in facts)


def test_parser_that_fails_is_counted_and_told(tmp_path: Path):
    told: list[str] = []

    def failing(raw: bytes) -> Facts:
        raise ValueError(raw)

    counted = score(failing, suite(tmp_path), told.append)

    assert counted["exceptions"] == 1
    assert counted["=subject"] == counted["=text"] == 0
    assert "one: subject" in told
