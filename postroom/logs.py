"""The log: one fact, one line, whatever a subject or a file name tries to put into it."""

import logging
import re
import sys
from logging.handlers import WatchedFileHandler
from pathlib import Path

from postroom.errors import SettingsError

#: The packages whose debug lines are ours; what libraries tell at that level may hold secrets.
OURS = ("postroom", "provider", "master", "api", "monitor", "runner")
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%S%z"
# Control characters move a terminal's cursor, bidi overrides make text read as another.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class OneLine(logging.Formatter):
    """Formats a record as one line; only a traceback may follow on further lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line without anything that would break or dress it up."""
        line = super().formatMessage(record)
        return safe(line)


def safe(text: str) -> str:
    """The text with escapes in place of what would break a line or dress up a terminal."""
    return _UNSAFE.sub(lambda m: m.group().encode("unicode_escape").decode(), text)


def configure(level: str, file: Path | None) -> None:
    """Send all logging to stderr, and to `file` too; SettingsError if it cannot be written."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file:
        handlers.append(_file(file))
    root = logging.getLogger()
    root.handlers[:] = handlers
    for handler in handlers:
        handler.setFormatter(OneLine(_LINE, _TIME))
    number = getattr(logging, level.upper())
    root.setLevel(max(number, logging.INFO))
    for name in OURS:
        logging.getLogger(name).setLevel(number)
    logging.captureWarnings(True)


def _file(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Watched: logrotate may move it away while we run.
        return WatchedFileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as e:
        raise SettingsError(f"[log] file: {path} cannot be written: {e.strerror}") from e
