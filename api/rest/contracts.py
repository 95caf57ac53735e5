"""What a route takes and answers, said once beside its view: checked, and served as OpenAPI."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from flask import Flask, current_app, request
from msgspec import Meta

from postroom.errors import RefusedError

from .answers import Page
from .bodies import JSON, MSGPACK
from .security import is_page

V = TypeVar("V", bound=Callable[..., object])
#: The forms of what is not bytes, sent or answered.
BODIES = (JSON, MSGPACK)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the address, or a header."""

    name: str
    about: str
    #: Any type that msgspec has a schema for; a list is written with commas.
    kind: Any = str
    default: Any = None
    place: Literal["query", "header"] = "query"
    #: The code of the problem that a wrong value is.
    error: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back when all is well."""

    #: A type for what is sent as JSON or msgpack; None for bytes, or for nothing.
    body: Any = None
    status: int = 200
    headers: tuple[str, ...] = ()
    #: Other than JSON and msgpack.
    media: tuple[str, ...] = ()
    about: str = ""
    #: What each line holds, where the answer is one JSON a line.
    line: Any = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """A body that is a list, each item of one of these types."""

    kinds: tuple[Any, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Contract:
    """All that a caller has to know of one route."""

    parameters: tuple[Parameter, ...]
    answers: tuple[Answer, ...]
    #: The type of the body (or a ListOf), and those of its fields that the address gives.
    body: Any = None
    given: tuple[str, ...] = ()
    #: Codes of problems beside those that every route, parameter or body brings along.
    errors: tuple[str, ...] = ()
    #: What `fields` chooses from; empty where it does not apply.
    fields: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What may stand behind the question mark."""
        return frozenset(each.name for each in self.parameters if each.place == "query")


def contract(
    *parameters: Parameter,
    answers: Answer | Sequence[Answer],
    body: Any = None,
    given: tuple[str, ...] = (),
    errors: tuple[str, ...] = (),
    fields: tuple[str, ...] = (),
) -> Callable[[V], V]:
    """Say what a view takes and answers."""
    told = (answers,) if isinstance(answers, Answer) else tuple(answers)
    if fields:
        parameters = (*parameters, _fields(fields))
    found = Contract(parameters, told, body, given, errors, fields)

    def mark(view: V) -> V:
        view.__dict__["contract"] = found
        return view

    return mark


def _fields(names: tuple[str, ...]) -> Parameter:
    some = list[Literal[names]]  # type: ignore[valid-type]
    return Parameter("fields", "Only these fields, by commas.", some, error="bad_fields")


def fields_of(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The names that a type's fields have in answers."""
    return tuple(each.encode_name for each in msgspec.structs.fields(kind))


def contract_of(view: Callable[..., object]) -> Contract:
    """The contract of a view; each must have one."""
    found: Contract = view.__dict__["contract"]
    return found


def current() -> Contract:
    """The contract of the view that answers this request."""
    return contract_of(current_app.view_functions[request.endpoint or ""])


def register(app: Flask) -> None:
    """Refuse what no contract knows; call it after security's own checks were registered."""
    app.before_request(_check)


def _check() -> None:
    if request.endpoint is None or is_page(current_app.view_functions[request.endpoint]):
        return
    known = current().names
    unknown = sorted(set(request.args) - known)
    if unknown:
        take = f"take {', '.join(sorted(known))}" if known else "it takes none"
        raise RefusedError("unknown_parameter", f"there is no parameter {unknown[0]!r}: {take}")


#: Items on a page: when nothing is said, and at most.
USUAL, MOST = 50, 500
_Limit = Annotated[int, Meta(ge=1, le=MOST)]
LIMIT = Parameter("limit", "Items on a page.", _Limit, USUAL, error="bad_limit")
CURSOR = Parameter("cursor", "`next_cursor` of the page before.", error="bad_cursor")
PAGED = (LIMIT, CURSOR)
IF_NONE_MATCH = Parameter("If-None-Match", "An ETag that you have: 304 if it still holds.",
                          place="header")  # fmt: skip
RANGED = (
    IF_NONE_MATCH,
    Parameter("Range", "One range: `bytes=0-99`, `bytes=100-`, `bytes=-100`.", place="header",
              error="bad_range"),
    Parameter("If-Range", "The ETag that the range is meant of; else all is sent.",
              place="header"),
)  # fmt: skip
UNCHANGED = Answer(status=304, headers=("ETag",), about="What you have still holds.")


def shows(kind: type[msgspec.Struct]) -> Callable[[V], V]:
    """The contract of a route that shows one thing."""
    told = (Answer(kind, headers=("ETag",)), UNCHANGED)
    return contract(IF_NONE_MATCH, answers=told, fields=fields_of(kind))


def lists(
    kind: type[msgspec.Struct], *parameters: Parameter, errors: tuple[str, ...] = ()
) -> Callable[[V], V]:
    """The contract of a route that lists things by pages."""
    told = Answer(Page[kind])  # type: ignore[valid-type]
    return contract(*parameters, *PAGED, answers=told, errors=errors, fields=fields_of(kind))


def content(*media: str) -> tuple[Answer, ...]:
    """The answers of a route that sends bytes, whole or a range of them."""
    headers = ("ETag", "Accept-Ranges", "Content-Disposition")
    return (
        Answer(media=media, headers=headers),
        Answer(media=media, status=206, headers=(*headers, "Content-Range")),
        UNCHANGED,
    )
