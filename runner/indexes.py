"""Where uv finds packages: where pip does, as uv reads none of pip's settings."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

#: pip's setting and uv's variable for it; a list is divided by what uv wants.
_BRIDGES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", ""),
}
#: What uv may see of our own environment: no secret, no token.
_PASSED = ("PATH", "HOME", "LANG", "TMPDIR", "NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR")


def environment(own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables for uv: its own where they are set, else what pip is configured with."""
    passed = {
        name: value
        for name, value in own.items()
        if name in _PASSED or name.startswith(("UV_", "XDG_")) or name.lower().endswith("_proxy")
    }
    told = dict(_configured())
    for name, (variable, divider) in _BRIDGES.items():
        if name in told:
            value = divider.join(told[name].split()) if divider else told[name]
            passed.setdefault(variable, value)
    if told.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        passed.setdefault("UV_NO_INDEX", "1")
    if "extra-index-url" in told:
        # As pip does: the best version, from whichever index.
        passed.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return passed


def _configured() -> Iterator[tuple[str, str]]:
    """Pip's settings by their plain name, those that count more after those that count less."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in found:
            found[section][name] = _literal(value)
    for settings in found.values():
        yield from settings.items()


def _literal(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value
