"""What the forms of scripts hold, as the values that the API takes."""

import io

import pytest
from flask import Flask

from api.web import scriptforms
from api.web.forms import Form

FINE = {"seconds": "60", "megabytes": "512", "time_zone": "UTC", "overlap": "skip",
        "missed": "once", "clock": "none"}  # fmt: skip
app = Flask("forms")


def read(reader, *more, **fields):
    """What a function makes of a form, and what it finds wrong."""
    with app.test_request_context(method="POST", data=fields):
        form = Form()
        return reader(form, *more), form.errors


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"enabled": False, "network": False, "arguments": {}, "secrets": [], "cron": ""}),
        ({"enabled": "yes", "network": "yes"}, {"enabled": True, "network": True}),
        ({"arguments": ' {"a": [1, "é"]} '}, {"arguments": {"a": [1, "é"]}}),
        ({"secrets": "one\r\ntwo  three"}, {"secrets": ["one", "two", "three"]}),
        ({"seconds": "0,5", "megabytes": "16.0"}, {"seconds": 0.5, "megabytes": 16}),
        ({"clock": "cron", "cron": " 0 6 * * * ", "pause": "3"}, {"cron": "0 6 * * *"}),
        ({"clock": "repeat", "scheduled_time": "2026-01-01T08:00", "pause": "1.5",
          "unit": "hours", "cron": "x"},
         {"scheduled_time": "2026-01-01T08:00", "repeat_after": 5400, "cron": ""}),
        ({"clock": "repeat", "scheduled_time": "2026-01-01T08:00"}, {"repeat_after": 0}),
        ({"on_mail": " * ", "on_file": "prices"}, {"on_mail": "*", "on_file": "prices"}),
    ],
)  # fmt: skip
def test_a_form_says_all_settings(given, expected):
    told, errors = read(scriptforms.settings, **{**FINE, **given})

    assert errors == {}
    assert {name: getattr(told, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"seconds": "0"}, {"seconds": "That cannot be: Expected `float` > 0.0."}),
        ({"seconds": "nan"}, {"seconds": "This is no number."}),
        ({"keep_days": "inf"}, {"keep_days": "This is no number."}),
        ({"retries": "1e999"}, {"retries": "This is no number."}),
        ({"keep_days": "9" * 5000}, {"keep_days": "This is no number."}),
        ({"keep_runs": "9" * 15}, {"keep_runs": None}),
        ({"seconds": "1_0"}, {"seconds": "This is no number."}),
        ({"megabytes": "16.5"}, {"megabytes": "That cannot be: Expected `int`, got `float`."}),
        ({"retries": "x"}, {"retries": "This is no number."}),
        ({"secrets": "a-b"},
         {"secrets": "Names have letters, digits and underscores; at most 100 of them."}),
        ({"overlap": "never"}, {"overlap": "That cannot be: Invalid enum value 'never'."}),
        ({"clock": "cron"}, {"cron": "Write a cron line, or choose no clock."}),
        ({"clock": "repeat", "pause": "0.5", "unit": "seconds"},
         {"scheduled_time": "Say when it runs first, or choose no clock.",
          "pause": "A pause lasts a second or longer."}),
        ({"clock": "repeat", "scheduled_time": "2026-01-01T08:00", "pause": "-1"},
         {"pause": "That cannot be: Expected `float` >= 0.0."}),
        ({"time_zone": ""}, {"time_zone": "There is no time zone '': take one as Europe/Paris."}),
        ({"arguments": "{" * 10_000}, {"arguments": None}),
        ({"on_mail": '"', "clock": "cron", "cron": "* *"}, {"on_mail": None, "cron": None}),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field(given, wrong):
    _, errors = read(scriptforms.settings, **{**FINE, **given})

    assert set(errors) == set(wrong)
    assert {name: errors[name] for name, text in wrong.items() if text} == {
        name: text for name, text in wrong.items() if text
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), (" 7 ", 7), ("0", None), ("-1", None), ("1.5", None), ("٣", None),
     (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("9" * 5000, None)],
)  # fmt: skip
def test_the_number_of_a_mail_is_a_number_or_told(text, value):
    found, errors = read(scriptforms.number, "mail", mail=text)

    assert found == value
    assert ("mail" in errors) == (value is None and text != "")


@pytest.mark.parametrize(
    ("chosen", "field", "expected"),
    [(b"a\r\nb\n", "x", "a\nb\n"), (b"\xef\xbb\xbfpass", "x", "pass"), (b"", "x", ""),
     (None, "a\r\nb", "a\nb")],
)  # fmt: skip
def test_a_source_is_that_of_the_file_else_that_of_the_field(chosen, field, expected):
    fields = {"source": field}
    if chosen is not None:
        fields["file"] = (io.BytesIO(chosen), "a.py")

    assert read(scriptforms.source, **fields) == (expected, {})
