"""What a script declares of itself: the block of PEP 723."""

import re
import tomllib
from typing import Any

from .errors import ScriptError

#: As in the specification ("Inline script metadata"), with the reference implementation's flags.
_BLOCK = re.compile(
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$",
)


def block(source: str) -> str:
    """The TOML of the script's block, or nothing; ScriptError where it has two or is no TOML."""
    # A file from Windows means the same.
    lines = source.replace("\r\n", "\n")
    found = [match for match in _BLOCK.finditer(lines) if match["type"] == "script"]
    if len(found) > 1:
        raise ScriptError("the script has two blocks '# /// script': leave one (PEP 723)")
    if not found:
        return ""
    content = found[0]["content"].splitlines(keepends=True)
    text = "".join(line[2:] if line.startswith("# ") else line[1:] for line in content)
    _check(text)
    return text


def _check(text: str) -> None:
    try:
        told: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ScriptError(f"the script's block '# /// script' is no TOML: {e}") from e
    needs = told.get("dependencies", [])
    if not isinstance(needs, list) or not all(isinstance(each, str) for each in needs):
        raise ScriptError("the script's block: dependencies: expected a list of texts")
    if not isinstance(told.get("requires-python", ""), str):
        raise ScriptError("the script's block: requires-python: expected a text")
