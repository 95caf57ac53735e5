"""All words of the pages, by keys: another language is another package like `en`."""

from typing import Any

from . import en

#: The words of a key; one that counts has its form for one beside that for many.
Texts = dict[str, str | tuple[str, str]]

LANGUAGE = "en"
LANGUAGES: dict[str, Texts] = {"en": en.TEXTS}


def t(key: str, **values: Any) -> str:
    """The words of a key, with the values put in; `count` chooses between one and many."""
    found = LANGUAGES[LANGUAGE][key]
    if isinstance(found, tuple):
        found = found[values["count"] != 1]
    return found.format(**values)


def has(key: str) -> bool:
    """Whether there are words of that key."""
    return key in LANGUAGES[LANGUAGE]
