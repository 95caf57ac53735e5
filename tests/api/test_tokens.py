"""Tokens: made by admins, shown once, revoked; the log says by whom."""

from typing import Any

import pytest

from api.models import Token
from tests.api.caller import Caller
from tests.api.test_security import token


@pytest.fixture
def admin(api: Caller) -> dict[str, str]:
    return token(api, "admin")


def _asked(api: Caller, method: str, path: str, body: object, who: dict[str, str]) -> Any:
    return api.client.open(path, method=method, json=body, headers=who)


def test_a_token_is_shown_once_and_opens_what_it_may(api: Caller, admin: dict[str, str]) -> None:
    made = _asked(api, "POST", "/v1/tokens", {"name": "desk", "scopes": ["ingest", "read"]}, admin)

    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    secret = made.json["token"]
    listed: Any = api.client.get("/v1/tokens", headers=admin)
    assert secret not in listed.text
    assert next(each for each in listed.json["items"] if each["name"] == "desk") == {
        "name": "desk", "scopes": ["read", "ingest"], "own": False, "created": made.json["created"],
    }  # fmt: skip
    use = {"Authorization": f"Bearer {secret}"}
    assert api.client.get("/v1/mails", headers=use).status_code == 200
    assert api.client.get("/v1/tokens", headers=use).status_code == 403


def test_the_log_says_who_made_and_revoked_it(api: Caller, admin: dict[str, str]) -> None:
    _asked(api, "POST", "/v1/tokens", {"name": "desk"}, admin)
    revoked = _asked(api, "DELETE", "/v1/tokens/desk", {}, admin)

    assert revoked.status_code == 200
    told = [e for e in api.get("/v1/events")["items"] if e["kind"].startswith("token.")]
    assert [(each["kind"], each["about"]) for each in told] == [
        ("token.made", {"by": "admin", "token": "desk", "scopes": ["read"]}),
        ("token.revoked", {"by": "admin", "token": "desk"}),
    ]


@pytest.mark.parametrize(
    ("name", "scopes", "code"),
    [
        ("a/b", ["read"], "bad_token"),
        ("..", ["read"], "bad_token"),
        (" a", ["read"], "bad_token"),
        ("a", ["all"], "bad_scope"),
        ("admin", ["read"], "name_taken"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    api: Caller, admin: dict[str, str], name: str, scopes: list[str], code: str
) -> None:
    refused = _asked(api, "POST", "/v1/tokens", {"name": name, "scopes": scopes}, admin)

    assert refused.json["code"] == code


def test_own_tokens_are_not_revoked_by_accident(api: Caller, admin: dict[str, str]) -> None:
    refused = _asked(api, "DELETE", "/v1/tokens/admin", {}, admin)

    assert (refused.status_code, refused.json["code"]) == (409, "own_token")
    assert _asked(api, "DELETE", "/v1/tokens/admin", {"own": True}, admin).status_code == 200
    assert not Token.select().where(Token.name == "admin").exists()
