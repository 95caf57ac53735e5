"""The API's description is whole, is itself in order, and is held against every answer."""

from collections.abc import Iterator

import msgspec
import pytest
from flask import Flask, Response
from jsonschema import Draft202012Validator

from api.rest import openapi, problems
from api.rest.asked import PlainMail
from api.rest.security import is_page, new_token
from api.views import browse
from postroom import records
from tests.api.caller import Caller
from tests.api.document import DOCUMENT, CheckedClient, UndocumentedError
from tests.long import one_in

OPERATIONS = [
    (path, method, told)
    for path, item in DOCUMENT.told["paths"].items()
    for method, told in item.items()
]


def test_every_route_is_in_the_document(api: Caller) -> None:
    views = api.app.view_functions
    rules = [r.rule for r in api.app.url_map.iter_rules() if not is_page(views[r.endpoint])]

    assert {openapi.path_of(rule) for rule in rules} == set(DOCUMENT.told["paths"])
    assert api.get("/openapi.json") == msgspec.json.decode(msgspec.json.encode(DOCUMENT.told))


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT.told["components"]["schemas"]
    named = {f"#/components/schemas/{name}" for name in schemas}

    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert set(_references(DOCUMENT.told)) <= named


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_no_two_operations_have_one_name() -> None:
    names = [told["operationId"] for _, _, told in OPERATIONS]

    assert len(names) == len(set(names))
    assert all(told["summary"] for _, _, told in OPERATIONS)


def test_a_plain_mail_has_the_fields_of_a_record_and_of_a_place() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(PlainMail)}
    record = {field.encode_name for field in msgspec.structs.fields(records.Mail)}

    assert fields == {*record, "mailbox", "folder", "uidvalidity", "uid", "key", "raw", "sha256"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (418, "{}", "application/json"),
        (200, '{"status": "ok"}', "application/json"),
        (200, "ok", "text/plain"),
        (404, '{"code": "not_found"}', "application/problem+json"),
    ],
)
def test_an_answer_that_is_not_described_fails_its_test(status: int, body: str, kind: str) -> None:
    app = Flask("wrong")
    app.add_url_rule("/health", view_func=lambda: Response(body, status, content_type=kind))

    with pytest.raises(UndocumentedError):
        CheckedClient(app, Response).get("/health")


def test_every_code_of_a_problem_stands_at_its_status() -> None:
    told = {
        (code, int(status))
        for _, _, operation in OPERATIONS
        for status, answer in operation["responses"].items()
        if (problem := answer.get("content", {}).get(openapi.PROBLEM_JSON))
        for code in problem["schema"]["allOf"][1]["properties"]["code"]["enum"]
    }

    assert told == {(code, problems.status_of(code)) for code, _ in told}
    assert {code for code, _ in told} >= set(problems.STATUSES)


def test_the_page_speaks_with_nobody_else(api: Caller) -> None:
    page = api.client.get("/docs")

    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    for name in browse.FILES:
        assert api.client.get(f"/docs/{name}").status_code == 200
    assert api.get("/docs/other.js", 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("path", "method", "told"), one_in(4, OPERATIONS), ids=lambda each: str(each)[:40]
)
def test_a_parameter_that_a_route_does_not_know_is_refused(
    api: Caller, path: str, method: str, told: dict[str, object]
) -> None:
    with api.db.writing():
        token = new_token("boss", ["admin"])

    response = _call(api.client, path, method, "?colour=red", token)

    assert response.status_code == 400
    assert response.get_json()["code"] == "unknown_parameter"
    for parameter in told["parameters"]:  # type: ignore[attr-defined]
        if parameter["in"] == "query":
            assert parameter["name"] in response.get_json()["detail"]


def _call(client: object, path: str, method: str, query: str, token: str) -> Response:
    address = path.replace("{id}", "1").replace("{number}", "1").replace("{name}", "work") + query
    found: Response = client.open(  # type: ignore[attr-defined]
        address,
        method=method.upper(),
        json={} if method != "get" else None,
        headers={"X-API-Key": token},
    )
    return found
