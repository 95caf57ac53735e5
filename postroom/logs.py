"""The log: one fact, one line, whatever a subject or a file name tries to put into it."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from postroom import following, settings
from postroom.errors import SettingsError
from postroom.logfile import NEVER, Rotation, SharedFile

#: The packages whose debug lines are ours; what libraries tell at that level may hold secrets.
OURS = ("postroom", "provider", "master", "api", "monitor", "runner")
LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
#: People look at a terminal; in a file something is looked for.
FILE_LINE = f"{LINE} %(ids)s"
_TIME = "%Y-%m-%dT%H:%M:%S%z"
# Control characters move a terminal's cursor, bidi overrides make text read as another.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class OneLine(logging.Formatter):
    """Formats a record as one line; only a traceback may follow on further lines.

    %(ids)s stands for the ids of the work, as the JSON that such a line has.
    """

    def __init__(self, line: str, time: str) -> None:
        super().__init__(line, time)
        self._shows_ids = "%(ids)" in line

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line without anything that would break or dress it up."""
        if self._shows_ids:
            told = ids(record)
            record.ids = json.dumps(told, ensure_ascii=True, default=str) if told else ""
        line = super().formatMessage(record)
        return safe(line).rstrip()


class Json(logging.Formatter):
    """Formats a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time in UTC, level, process, name and message, then the ids of the work."""
        at = datetime.fromtimestamp(record.created, UTC)
        told = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "pid": record.process,
            "name": record.name,
            "message": record.getMessage(),
            **ids(record),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=True, default=str)


class Terminal(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment: a progress bar puts itself before it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line."""
        self.stream = sys.stderr
        super().emit(record)


def ids(record: logging.LogRecord) -> dict[str, Any]:
    """Of the work in hand, and what the line itself names beside (following.told)."""
    told = getattr(record, following.TOLD, {})
    named = {name: value() if callable(value) else value for name, value in told.items()}
    return {**following.ids(), **named}


def safe(text: str) -> str:
    """The text with escapes in place of what would break a line or dress up a terminal."""
    return _UNSAFE.sub(lambda m: m.group().encode("unicode_escape").decode(), text)


def follow(config: settings.Config, level: str = "") -> None:
    """Log as [log] says; SettingsError if it cannot be written there."""
    told = config.section("log", settings.Log)
    file = config.path_of(told.file) if told.file else None
    rotation = Rotation(told.megabytes * 1024 * 1024, told.files)
    configure(
        level or told.level, file, terminal=told.terminal, line=told.format, rotation=rotation
    )


def configure(
    level: str,
    file: Path | None,
    *,
    terminal: bool = True,
    line: str = "",
    rotation: Rotation = NEVER,
) -> None:
    """Send all logging to `file` and to the terminal: to this one always where there is no file.

    `line`: what [log] format says.
    """
    handlers: list[logging.Handler] = []
    if file:
        handlers.append(_file(file, rotation))
        handlers[0].setFormatter(_formatter(line or FILE_LINE))
    if terminal or not handlers:
        handlers.append(Terminal())
        handlers[-1].setFormatter(_formatter(line or LINE))
    root = logging.getLogger()
    root.handlers[:] = handlers
    number = getattr(logging, level.upper())
    root.setLevel(max(number, logging.INFO))
    for name in OURS:
        logging.getLogger(name).setLevel(number)
    logging.captureWarnings(True)


def _formatter(line: str) -> logging.Formatter:
    return Json() if line == "json" else OneLine(line, _TIME)


def _file(path: Path, rotation: Rotation) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return SharedFile(path, rotation)
    except OSError as e:
        raise SettingsError(f"[log] file: {path} cannot be written: {e.strerror}") from e
