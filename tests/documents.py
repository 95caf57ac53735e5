"""The documents as the tests read them: texts, tables, blocks, commands."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
#: Blocks of code: their language and their lines.
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def text(name: str) -> str:
    """What stands in a file of the repository."""
    return (ROOT / name).read_text("utf-8")


def source(*folders: str) -> str:
    """All code of some folders."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return "\n".join(file.read_text("utf-8") for file in files)


def rows(document: str) -> dict[str, str]:
    """Of all tables, the second cell by each code in the first."""
    found: dict[str, str] = {}
    for first, second in re.findall(r"^ *\| (`[^|]+`) \| ([^|]*?) ?\|", document, re.M):
        found.update(dict.fromkeys(re.findall("`([^`]+)`", first), second))
    return found


def section(document: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", document, re.M | re.S)
    assert match, f"there is no heading {heading!r}"
    return match[1]


def messages() -> list[tuple[dict[str, Any], list[bytes]]]:
    """Each message of the protocol's page: its header as it is shown, and its frames."""
    pattern = re.compile(r"^```json\n([^`]*)```\n\n```hex\n([^`]*)```", re.M)
    found = pattern.findall(text("docs/protocol.md"))
    return [(json.loads(header), [*map(_frame, block.split("\n\n"))]) for header, block in found]


def _frame(shown: str) -> bytes:
    return b"" if shown.strip() == "(empty)" else bytes.fromhex(shown)


def commands(block: str) -> list[str]:
    """The commands of a block of shell lines; an open quote goes on in the next line."""
    found: list[str] = []
    for line in block.splitlines():
        if found and not _is_whole(found[-1]):
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True
