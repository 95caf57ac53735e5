"""Open to this machine for reading and ingest, closed to all else."""

import re
from pathlib import Path

import pytest

from api.app import create_app
from api.rest import security
from postroom.errors import SettingsError
from tests.api.caller import Caller
from tests.api.document import DOCUMENT


def token(api: Caller, *scopes: str) -> dict[str, str]:
    with api.db.writing():
        return {"Authorization": f"Bearer {security.new_token('-'.join(scopes), list(scopes))}"}


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:5000", "[::2]"]
)
def test_another_host_name_is_refused(api: Caller, host: str) -> None:
    assert api.get("/api", 403, Host=host)["code"] == "bad_host"


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:5000"])
def test_this_machine_reads_without_a_token(api: Caller, host: str) -> None:
    api.get("/v1/mails", Host=host)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_from_other_sites_are_refused(api: Caller, site: str) -> None:
    assert api.get("/api", 403, **{"Sec-Fetch-Site": site})["code"] == "bad_origin"


def test_a_foreign_origin_is_refused(api: Caller) -> None:
    response = api.client.post("/api", json=[], headers={"Origin": "http://evil.example"})

    assert response.status_code == 403


def test_a_form_of_a_web_page_cannot_post(api: Caller) -> None:
    response = api.client.post("/api", data={"subject": "x"})

    assert response.status_code == 415


@pytest.mark.parametrize("name", security.FORWARDED)
def test_a_proxy_in_front_ends_open_mode(api: Caller, name: str) -> None:
    assert api.get("/v1/mails", 401, **{name: "127.0.0.1"})["code"] == "unauthorized"


def test_every_route_but_health_needs_a_token_beyond_loopback(api: Caller) -> None:
    client = create_app(api.db, api.storage, "0.0.0.0").test_client()
    statuses = {
        (method, path): client.open(
            re.sub(r"\{\w+\}", "1", path), method=method, json=[]
        ).status_code
        for path, item in DOCUMENT.told["paths"].items()
        for method in {*item, "get", "head", "put", "patch", "delete"}
    }

    open_to_all = [asked for asked, status in statuses.items() if status < 400]
    assert sorted(open_to_all) == [("get", "/health"), ("head", "/health")]
    refused = {asked for asked, status in statuses.items() if status == 401}
    assert refused >= {
        (method, path) for path, item in DOCUMENT.told["paths"].items() for method in item
    } - {("get", "/health")}


def test_a_token_opens_what_its_scope_says(api: Caller) -> None:
    client = create_app(api.db, api.storage, "0.0.0.0").test_client()
    reader, writer, admin = token(api, "read"), token(api, "ingest"), token(api, "admin")

    assert client.get("/v1/mails", headers=reader).status_code == 200
    assert client.post("/api", json=[], headers=reader).status_code == 403
    assert client.post("/api", json=[], headers=writer).status_code == 200
    assert client.get("/v1/mails", headers=writer).status_code == 403
    assert client.post("/api", json=[], headers=admin).status_code == 200


def test_an_unknown_token_is_refused(api: Caller) -> None:
    client = create_app(api.db, api.storage, "0.0.0.0").test_client()

    response = client.get("/v1/mails", headers={"X-API-Key": "pr_wrong"})

    assert response.status_code == 401
    assert "Bearer" in response.headers["WWW-Authenticate"]


def test_binding_elsewhere_needs_tokens(api: Caller) -> None:
    with pytest.raises(SettingsError, match="token new"):
        security.check_bind("0.0.0.0")
    token(api, "read")
    security.check_bind("0.0.0.0")


def test_the_admin_token_is_made_once_and_for_its_owner_only(api: Caller, tmp_path: Path) -> None:
    file = tmp_path / "admin.token"
    with api.db.writing():
        first = security.ensure_token("admin", file)
        second = security.ensure_token("admin", file)

    assert (first, second) == (True, False)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith(security.PREFIX)


def test_an_unforeseen_error_tells_nothing_of_itself(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(api.app.config, "DATABASE")

    answer = api.post("/api", [], 500)

    assert answer["code"] == "internal_error"
    assert "DATABASE" not in str(answer)


def test_numbers_out_of_all_bounds_are_told_so(api: Caller) -> None:
    for path in (f"/v1/mails/{2**70}", f"/v1/mails/1/attachments/{2**70}"):
        assert api.client.get(path).status_code in (400, 404)
    assert api.get("/v1/mails?since=0001-01-01T00:00:00%2B14:00", 400)["code"] == "bad_number"


def test_a_body_that_is_too_large_is_refused_in_our_words(api: Caller) -> None:
    api.app.config["MAX_CONTENT_LENGTH"] = 10

    response = api.client.post("/api", json=[{"subject": "longer than that"}])

    assert response.status_code == 413
    assert response.get_json()["code"] == "too_large"
