"""The API's own description, and whether an answer is what it says."""

import gzip
import re
from functools import cached_property
from typing import Any

import msgspec
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from api.app import MODULES
from api.rest import openapi

JSON, MSGPACK, PROBLEM = "application/json", "application/msgpack", "application/problem+json"
#: What an address that no route has may meet with.
NOWHERE = (401, 403, 404, 405)


class UndocumentedError(AssertionError):
    """An answer that the document does not know."""


class Document:
    """OpenAPI, as far as answers are concerned."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self._validators: dict[str, Draft202012Validator] = {}

    def check(
        self,
        method: str,
        path: str,
        status: int,
        headers: Headers,
        body: bytes,
        **how: bool,
    ) -> None:
        """Raise UndocumentedError unless the document says that this may be answered."""
        where = f"{method} {path} answered {status}"
        media = headers.get("Content-Type", "").partition(";")[0]
        operation = self.operation("GET" if method == "HEAD" else method, path)
        if operation is None:
            if status not in NOWHERE and method != "OPTIONS":
                raise UndocumentedError(f"{where}, and no route is there")
            return
        answer = operation["responses"].get(str(status))
        if answer is None:
            raise UndocumentedError(f"{where}, which is not documented: {body[:300]!r}")
        for name in answer.get("headers", {}):
            if name not in headers:
                raise UndocumentedError(f"{where} without {name}")
        content = answer.get("content", {})
        if method == "HEAD" or (not body and not content):
            return
        if media not in content:
            raise UndocumentedError(f"{where} with {media!r}: {list(content)} are documented")
        for value, schema in _values(media, body, content[media]):
            for error in self._validator(schema, **how).iter_errors(value):
                raise UndocumentedError(f"{where}: {error.json_path}: {error.message[:500]}")

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What stands at an address."""
        for pattern, item in self._paths:
            if pattern.fullmatch(path) and method.lower() in item:
                found: dict[str, Any] = item[method.lower()]
                return found
        return None

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], dict[str, Any]]]:
        ordered = sorted(self.told["paths"].items(), key=lambda each: each[0].count("{"))
        return [(_pattern(path, item), item) for path, item in ordered]

    def _validator(self, schema: dict[str, Any], *, thinned: bool) -> Draft202012Validator:
        # With `fields` any fields may be there, without it all must be.
        choice = schema["anyOf"][thinned] if "anyOf" in schema else schema
        key = str(choice)
        if key not in self._validators:
            whole = {**choice, "components": self.told["components"]}
            self._validators[key] = Draft202012Validator(whole)
        return self._validators[key]


def _pattern(path: str, item: dict[str, Any]) -> re.Pattern[str]:
    kinds = {
        told["name"]: told["schema"]["type"]
        for operation in item.values()
        for told in operation["parameters"]
        if told["in"] == "path"
    }
    shapes = {"integer": "[0-9]+", "string": "[^/]+"}
    return re.compile(re.sub(r"\{(\w+)\}", lambda match: shapes[kinds[match[1]]], path))


def _values(media: str, body: bytes, told: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    if media in (JSON, PROBLEM):
        return [(msgspec.json.decode(body), told["schema"])]
    if media == MSGPACK:
        return [(msgspec.msgpack.decode(body), told["schema"])]
    if "x-line-schema" in told:
        schema = told["x-line-schema"]
        return [(msgspec.json.decode(line), schema) for line in body.splitlines()]
    return []


def _routes() -> Flask:
    """An application with all routes and no database: enough to be described."""
    app = Flask("api", static_folder=None)
    for module in MODULES:
        app.register_blueprint(module.blueprint)
    return app


DOCUMENT = Document(openapi.document(_routes()))


class CheckedClient(FlaskClient):
    """A test client that takes no answer which the document does not know."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        body = response.get_data()
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        asked = response.request
        DOCUMENT.check(
            asked.method,
            asked.path,
            response.status_code,
            response.headers,
            body,
            thinned="fields" in asked.args,
        )
        # What a view wants done when all is sent.
        response.close()
        return response
