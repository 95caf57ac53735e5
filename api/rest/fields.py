"""`fields`: answers with only what the caller wants of them."""

from typing import Any

import msgspec
from flask import Response, request

from postroom.errors import RefusedError

from . import contracts
from .bodies import single


def asked() -> tuple[str, ...] | None:
    """The fields that the request names, in the contract's order; None: all of them."""
    known, text = contracts.current().fields, request.args.get("fields")
    if text is None:
        return None
    wanted = text.split(",")
    unknown = [name for name in wanted if name not in known]
    if unknown:
        take = ", ".join(known)
        raise RefusedError("bad_fields", f"there is no field {unknown[0]!r}: take some of {take}")
    return tuple(name for name in known if name in wanted)


def thin(value: msgspec.Struct, names: tuple[str, ...] | None) -> Any:
    """The Struct itself, or only these of its fields."""
    if names is None:
        return value
    fields = {each.encode_name: each.name for each in msgspec.structs.fields(value)}
    found = {name: getattr(value, fields[name]) for name in names}
    return {name: each for name, each in found.items() if each is not msgspec.UNSET}


def one(value: msgspec.Struct) -> Response:
    """The answer of a route that shows one thing."""
    return single(thin(value, asked()))
