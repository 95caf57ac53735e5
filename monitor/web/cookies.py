"""Cookies that servers set: each goes back to the origin that set it, while a look lasts."""

from collections.abc import Iterable

_MOST = 50
_LONGEST = 4096


class Cookies:
    """By origin: no server sees another's, nor its own over an unencrypted connection."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, str]] = {}

    def note(self, origin: str, lines: Iterable[str]) -> None:
        """Take what Set-Cookie fields say; what is odd is left out."""
        held = self._held.setdefault(origin, {})
        for line in lines:
            name, _, value = line.partition(";")[0].strip().partition("=")
            if name and len(held) < _MOST and len(line) <= _LONGEST and line.isascii():
                held[name.strip()] = value.strip()

    def shown(self, origin: str) -> str:
        """What a Cookie field says; "" where there is nothing."""
        return "; ".join(f"{name}={value}" for name, value in self._held.get(origin, {}).items())
