"""Secrets: from private files or the environment, and out of all that leaves a run."""

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from postroom.credentials import from_environment, read_private
from postroom.errors import CredentialError

from .errors import ScriptError

SHOWN = b"***"
#: Shorter ones stand in every text by chance: to mask them is to destroy it.
SHORTEST = 4
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class Secrets:
    """The secrets of this machine, read anew for each run."""

    def __init__(self, folder: Path, given: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        #: What counts more than all else.
        self._given = given or {}

    def get(self, names: Iterable[str]) -> dict[str, str]:
        """The values by name; ScriptError for one that there is not, or that cannot be used."""
        return {name: self._one(name) for name in names}

    def _one(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ScriptError(f"secret {name!r}: a name has letters, digits and _ only")
        variable, file = f"POSTROOM_SECRET_{name.upper()}", self._folder / name
        try:
            value = self._given.get(name, "") or from_environment(variable)
            if not value and os.path.lexists(file):
                value = read_private(file)
        except CredentialError as e:
            raise ScriptError(f"secret {name}: {e}") from e
        if not value:
            raise ScriptError(
                f"secret {name}: not there: put it in the file {file} (mode 0600) "
                f"or in the variable {variable}"
            )
        return checked(name, value)


def checked(name: str, value: str) -> str:
    """The value; ScriptError where it is too short to be masked."""
    if len(value) < SHORTEST:
        raise ScriptError(
            f"secret {name}: shorter than {SHORTEST} characters, which could not be masked "
            "in the log without making it unreadable: use a longer one"
        )
    return value


class Mask:
    """Replaces secrets, and the forms in which they travel, by three stars."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        #: The longest first: one may begin like another.
        self.forms = sorted(forms, key=len, reverse=True)
        self.pattern = re.compile(b"|".join(map(re.escape, self.forms)) or b"(?!)")

    def bytes(self, told: bytes) -> bytes:
        """All of `told`, masked."""
        return self.pattern.sub(SHOWN, told) if self.forms else told

    def text(self, told: str) -> str:
        """All of `told`, masked."""
        return self.bytes(told.encode(errors="surrogateescape")).decode(errors="replace")


class Stream:
    """Masks what comes in pieces, also where a secret is cut in two."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = b""
        self._longest = max(map(len, mask.forms), default=1)

    def feed(self, piece: bytes) -> bytes:
        """What may go on; held back is only what may be the beginning of a secret."""
        if not self._mask.forms:
            return piece
        whole = self._held + piece
        cut = self._cut(whole)
        self._held = whole[cut:]
        return self._mask.bytes(whole[:cut])

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return self._mask.bytes(held)

    def _cut(self, whole: bytes) -> int:
        forms = self._mask.forms
        for start in range(max(0, len(whole) - self._longest + 1), len(whole)):
            tail = whole[start:]
            if any(len(form) > len(tail) and form.startswith(tail) for form in forms):
                break
        else:
            return len(whole)
        for match in self._mask.pattern.finditer(whole):
            if match.start() < start < match.end():
                return match.start()
        return start


def _forms(value: str) -> Iterator[bytes]:
    plain = value.encode()
    yield plain
    yield quote(value, safe="").encode()
    yield quote(value).encode()
    yield quote_plus(value).encode()
    yield plain.hex().encode()
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield repr(value)[1:-1].encode()
    yield from _base64(plain)
    if "\n" in value:
        # A key in PEM is shown line by line, and each of them says something.
        yield from (line.strip().encode() for line in value.splitlines() if len(line.strip()) >= 8)


def _base64(plain: bytes) -> Iterator[bytes]:
    """As it stands in a longer text: "user:secret" begins at any of three offsets."""
    for offset in range(3):
        first = (offset * 8 + 5) // 6
        whole = (offset + len(plain)) * 8 // 6
        for alphabet in (b"+/", b"-_"):
            yield base64.b64encode(b"\0" * offset + plain, alphabet)[first:whole]
