"""The OpenAPI 3.1 document, made from the routes and their contracts."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask
from werkzeug.routing import Rule

import postroom
from postroom import following

from . import answers, problems
from .contracts import BODIES, Answer, Contract, ListOf, Parameter, contract_of
from .headers import HEADERS
from .security import is_page, scopes_of

Json = dict[str, Any]
REF = "#/components/schemas/{name}"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PROBLEM_JSON = "application/problem+json"
#: What any request may meet with.
ALWAYS = ("unknown_parameter", "bad_request", "bad_host", "bad_origin", "internal_error",
          "try_later")  # fmt: skip
WITH_TOKENS = ("unauthorized", "forbidden")
WITH_BODY = ("bad_body", "bad_csrf", "bad_number", "unsupported_type", "too_large")
_ARGUMENT = re.compile("<(?:(?P<kind>[a-z]+):)?(?P<name>[a-z]+)_?>")


def document(app: Flask) -> Json:
    """Describe every route of the application; each must have a contract."""
    every = (each for each in app.url_map.iter_rules() if _method(each))
    # Web pages are for people.
    told_of = (each for each in every if not is_page(app.view_functions[each.endpoint]))
    rules = sorted(told_of, key=_address)
    views = [app.view_functions[rule.endpoint] for rule in rules]
    contracts = [contract_of(view) for view in views]
    schemas = _Schemas(contracts)
    paths: Json = {}
    for rule, view, told in zip(rules, views, contracts, strict=True):
        operation = _operation(rule, told, scopes_of(view, _method(rule)), schemas)
        operation["summary"] = (view.__doc__ or "").partition("\n")[0]
        paths.setdefault(path_of(rule.rule), {})[_method(rule).lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Postroom",
            "version": postroom.__version__,
            "description": "Every mailbox of a team in one database, with receipts.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name} for name in _tags(rules)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _tags(rules: Iterable[Rule]) -> list[str]:
    return sorted({rule.endpoint.partition(".")[0] for rule in rules})


def _method(rule: Rule) -> str:
    return next((name for name in METHODS if name in (rule.methods or ())), "")


def _address(rule: Rule) -> str:
    return rule.rule


def path_of(rule: str) -> str:
    """A route's address as OpenAPI writes it."""
    return _ARGUMENT.sub(r"{\g<name>}", rule)


class _Schemas:
    """The schemas of all types that the contracts name, and references to them."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        kinds: list[Any] = [answers.Problem]
        for each in contracts:
            told = [kind for answer in each.answers for kind in (answer.body, answer.line)]
            taken = each.body.kinds if isinstance(each.body, ListOf) else (each.body,)
            kinds += [kind for kind in (*told, *taken) if kind is not None]
        refs, self.components = msgspec.json.schema_components(kinds, ref_template=REF)
        self._refs = list(zip(kinds, refs, strict=True))

    def of(self, kind: Any) -> Json:
        """A reference to the schema of a type that some contract names."""
        return next(ref for known, ref in self._refs if known == kind)

    def thinned(self, ref: Json) -> Json:
        """The same with any choice of its fields: `fields` was given."""
        name = ref["$ref"].rpartition("/")[2]
        thin = copy.deepcopy(self.components[name])
        if "items" in thin["properties"]:
            below = thin["properties"]["items"]
            below["items"] = self.thinned(below["items"])
        else:
            thin["required"] = []
        thin["title"] += " (fields)"
        self.components[f"{name}.fields"] = thin
        return {"$ref": REF.format(name=f"{name}.fields")}

    def taken(self, kind: Any, given: tuple[str, ...]) -> Json:
        """The schema of a body, without what the address gives."""
        if isinstance(kind, ListOf):
            one = {"anyOf": [self.of(each) for each in kind.kinds]}
            return {"type": "array", "maxItems": kind.most, "items": one}
        ref = self.of(kind)
        if not given:
            return ref
        name = ref["$ref"].rpartition("/")[2]
        schema = self.components[name]
        for field in given:
            schema["properties"].pop(field, None)
        schema["required"] = [each for each in schema["required"] if each not in given]
        return ref


def _operation(rule: Rule, told: Contract, scopes: tuple[str, ...], schemas: _Schemas) -> Json:
    found: Json = {
        "operationId": rule.endpoint.replace(".", "_"),
        "tags": [rule.endpoint.partition(".")[0]],
        "parameters": [*_arguments(rule), *map(_parameter, told.parameters)],
        "responses": dict(_responses(rule, told, scopes, schemas)),
        "security": [{}, {"bearer": []}, {"key": []}] if scopes else [],
        "x-scope": " or ".join(scopes) or "none",
    }
    if told.body is not None:
        schema = schemas.taken(told.body, told.given)
        content = {media: {"schema": schema} for media in BODIES}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _arguments(rule: Rule) -> Iterator[Json]:
    for match in _ARGUMENT.finditer(rule.rule):
        kind = {"type": "integer", "minimum": 0} if match["kind"] == "int" else {"type": "string"}
        yield {"name": match["name"], "in": "path", "required": True, "schema": kind}


def _parameter(told: Parameter) -> Json:
    schema = msgspec.json.schema(told.kind)
    if told.default is not None:
        schema["default"] = told.default
    found: Json = {"name": told.name, "in": told.place, "description": told.about, "schema": schema}
    if told.required:
        found["required"] = True
    if schema.get("type") == "array":
        found |= {"style": "form", "explode": False}
    return found


def _responses(
    rule: Rule, told: Contract, scopes: tuple[str, ...], schemas: _Schemas
) -> Iterator[tuple[str, Json]]:
    for answer in told.answers:
        yield str(answer.status), _answer(answer, told, schemas)
    by_status: dict[int, list[str]] = {}
    for code in sorted(_codes(rule, told, scopes)):
        by_status.setdefault(problems.status_of(code), []).append(code)
    for status, codes in sorted(by_status.items()):
        yield str(status), _problem(status, codes, schemas)


def _answer(answer: Answer, told: Contract, schemas: _Schemas) -> Json:
    content: Json = {media: {"schema": {}} for media in answer.media}
    if answer.line is not None:
        for media in content.values():
            media["x-line-schema"] = _body(schemas.of(answer.line), told, schemas)
    if answer.body is not None:
        body = _body(schemas.of(answer.body), told, schemas)
        content = {media: {"schema": body} for media in BODIES}
    found: Json = {"description": answer.about or HTTPStatus(answer.status).phrase}
    names = answer.headers if answer.body is None else (*answer.headers, "Vary")
    if content:
        found["content"] = content
    found["headers"] = _headers(names)
    return found


def _body(ref: Json, told: Contract, schemas: _Schemas) -> Json:
    return ref if not told.fields else {"anyOf": [ref, schemas.thinned(ref)]}


def _codes(rule: Rule, told: Contract, scopes: tuple[str, ...]) -> set[str]:
    codes = {*ALWAYS, *told.errors, *(each.error for each in told.parameters if each.error)}
    if scopes:
        codes.update(WITH_TOKENS)
    if rule.arguments:
        codes.add("not_found")
    if rule.arguments or told.names:
        codes.add("bad_number")
    if _method(rule) != "GET":
        codes.update(WITH_BODY)
    return codes


def _problem(status: int, codes: list[str], schemas: _Schemas) -> Json:
    only = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    found: Json = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}",
        "content": {PROBLEM_JSON: {"schema": {"allOf": [schemas.of(answers.Problem), only]}}},
    }
    found["headers"] = _headers(problems.HEADERS.get(status, ()))
    return found


def _headers(names: Iterable[str]) -> Mapping[str, Json]:
    return {
        name: {"description": HEADERS[name], "required": True, "schema": {"type": "string"}}
        for name in (*names, following.HEADER)
    }
