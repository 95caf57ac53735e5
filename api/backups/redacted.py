"""Settings as a backup keeps them: without what is a secret."""

import re
from pathlib import Path

from postroom import ini

_SECRET = re.compile(r"token|password|secret|cookies|headers")
#: What names a file, a folder or an address of such is none.
_HARMLESS = re.compile(r"_(file|url)$|^(tokens|secrets)$")
#: The password in an address.
_IN_URL = re.compile(r"(\w+://[^\s:/@]*):[^\s/]+@")


def without_secrets(file: Path) -> str:
    """All sections and keys as they are read, without comments; a secret is left out."""
    lines: list[str] = []
    for title, values in ini.read(file).items():
        lines.append(f"[{title}]")
        lines += [_line(key, value) for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def _line(key: str, value: str) -> str:
    if _SECRET.search(key) and not _HARMLESS.search(key):
        return f"# {key}: a secret, which is not in the backup"
    shown = _IN_URL.sub(r"\1:...@", value)
    return f"{key} = {shown}".replace("\n", "\n    ").rstrip()
