"""An INI file as sections of text, or one sentence on where it is wrong."""

from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
    ParsingError,
)
from pathlib import Path

from postroom.errors import SettingsError


def read(file: Path) -> dict[str, dict[str, str]]:
    """Return each section's keys and texts, in the order of the file; SettingsError if wrong."""
    parser = _parse(file)
    sections: dict[str, dict[str, str]] = {}
    for title in parser.sections():
        name = " ".join(title.split())
        if name in sections:
            raise SettingsError(f"{file}: [{name}] stands twice: keep one")
        sections[name] = dict(parser[title])
    return sections


def _parse(file: Path) -> ConfigParser:
    # "=" alone divides, "%" is a plain character, and no section lends its keys to the others.
    parser = ConfigParser(interpolation=None, delimiters=("=",), default_section="=")
    try:
        parser.read_string(file.read_text("utf-8-sig"), source=str(file))
    except OSError as e:
        hint = (
            " (config.example.ini shows all settings)" if isinstance(e, FileNotFoundError) else ""
        )
        raise SettingsError(f"{file}: cannot be read: {e.strerror}{hint}") from e
    except UnicodeDecodeError as e:
        raise SettingsError(f"{file}: byte {e.start} is not UTF-8: save the file as UTF-8") from e
    except (DuplicateOptionError, DuplicateSectionError, ParsingError) as e:
        # Not `from e`: its text quotes the line, which may hold a token.
        raise SettingsError(f"{file}: {_problem(e)}") from None
    return parser


def _problem(e: DuplicateOptionError | DuplicateSectionError | ParsingError) -> str:
    match e:
        case DuplicateOptionError():
            return f"line {e.lineno}: [{e.section}] {e.option} stands twice: keep one"
        case DuplicateSectionError():
            return f"line {e.lineno}: [{e.section}] stands twice: keep one"
        case MissingSectionHeaderError():
            return f"line {e.lineno}: expected a section such as [api] before the first setting"
        case _:
            return f"line {e.errors[0][0]}: expected `key = value`, a [section] or a # comment"
