"""Whole numbers in addresses: whatever is sent, the answer says what is wrong with it."""

import pytest

from api.rest.numbers import whole
from tests.api.caller import Caller
from tests.api.scripter import Scripter

HUGE = "9" * 5_000


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("007", 7), ("9", 9), ("0", None), ("10", None), ("-1", None), ("", None),
     ("1.0", None), ("1_0", None), (" 1", None), ("²", None), ("٣", None), (HUGE, None)],
)  # fmt: skip
def test_a_whole_number_is_digits_within_bounds(text: str, number: int | None) -> None:
    assert whole(text, 1, 9) == number


@pytest.mark.parametrize(
    ("path", "code"),
    [("/v1/runs?limit=", "bad_limit"), ("/v1/runs/1/log?offset=", "bad_number"),
     ("/v1/runs/1/log?attempt=", "bad_number"),
     ("/v1/scripts/prices/source?version=", "bad_version"),
     ("/v1/mails/unparsed?version=", "bad_version"),
     ("/v1/mailboxes/work/places?uidvalidity=", "bad_number")],
)  # fmt: skip
def test_a_number_of_thousands_of_digits_is_refused_as_others_are(
    api: Caller, path: str, code: str
) -> None:
    api.hello()
    scripter = Scripter(api)
    scripter.script("prices")
    scripter.run("prices")

    for text in (HUGE, "x", "²"):
        assert api.get(path + text, 400)["code"] == code
