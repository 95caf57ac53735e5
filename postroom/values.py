"""What the text of a setting becomes under its type, and how to say in words what it should be."""

import math
import re
from typing import Any

import msgspec
from msgspec import inspect

_BOOLEANS = {"yes": True, "on": True, "true": True, "1": True}
_BOOLEANS |= {"no": False, "off": False, "false": False, "0": False}
_SECRET = re.compile("token|password|secret")
_BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def converted(text: str, kind: Any) -> Any:
    """Return `text` as the type `kind`; ValueError (msgspec's is one) if it cannot be that."""
    shape = _shape(kind)
    if isinstance(shape, inspect.ListType | inspect.VarTupleType):
        # One line with commas, or one entry a line, or both.
        parts = [part.strip() for part in text.replace("\n", ",").split(",")]
        return msgspec.convert([part for part in parts if part], kind, strict=False)
    if "\n" in text:
        # An indented line continues the one above: nearly always a slip.
        raise ValueError(text)
    if isinstance(shape, inspect.BoolType):
        return _boolean(text)
    value = msgspec.convert(text, kind, strict=False)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value


def expected(kind: Any) -> str:
    """What the type `kind` wants, for an error's sentence."""
    shape = _shape(kind)
    if isinstance(shape, inspect.LiteralType):
        return "one of " + ", ".join(map(str, shape.values))
    words = [word for cls, word in _WORDS.items() if isinstance(shape, cls)]
    word = words[0] if words else "another value"
    return f"{word} {_bounds(shape)}".strip()


def found(key: str, text: str) -> str:
    """The text as it may be shown: what looks like a secret by its key is not."""
    if _SECRET.search(key):
        return "a value that is not shown here"
    if "\n" in text:
        return f"{text!r} (an indented line continues the line above it)"
    return repr(text)


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _bounds(shape: inspect.Type) -> str:
    given = [(words, getattr(shape, name, None)) for name, words in _BOUNDS]
    return " and ".join(f"{words} {bound}" for words, bound in given if bound is not None)


def _shape(kind: Any) -> inspect.Type:
    shape = inspect.type_info(kind)
    if isinstance(shape, inspect.UnionType):
        # `int | None`: None is for what the file leaves out.
        return next(t for t in shape.types if not isinstance(t, inspect.NoneType))
    return shape


_WORDS: dict[type[inspect.Type], str] = {
    inspect.BoolType: "yes or no",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.ListType: "a list with commas",
    inspect.VarTupleType: "a list with commas",
    inspect.StrType: "text in one line",
    inspect.DateType: "a date as YYYY-MM-DD",
}
