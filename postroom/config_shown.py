"""`python -m postroom config`: the settings in force as an INI file, without any secret."""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from postroom import settings
from postroom.errors import SettingsError
from postroom.logs import safe

HIDDEN = "(hidden)"
#: Keys whose values are, or may hold, a secret; what only says where one is, is none.
_SECRET = re.compile(r"token|password|secret|cookies|headers|_key$")
_PLACES = re.compile(r"_file$|_url$|^(tokens|secrets|kms_key)$")
# Up to the last @: a password may hold one, or a slash that somebody forgot to write as %2F.
_LOGIN = re.compile(r"(?<=://)\S*@")


def main() -> None:
    """Print every section, the defaults as comments."""
    parser = argparse.ArgumentParser(prog="python -m postroom config", description=__doc__)
    parser.add_argument("--config", type=Path, metavar="PATH", help="settings (config.ini)")
    args = parser.parse_args()
    try:
        config = settings.load(args.config)
    except SettingsError as e:
        sys.stderr.write(f"config: {e}\n")
        sys.exit(2)
    sys.stdout.writelines(f"{line}\n" for line in _lines(config))


def _lines(config: settings.Config) -> Iterator[str]:
    yield f"# {config.shown}" if config.file else "# no config.ini: the defaults"
    for name, options in settings.SECTIONS.items():
        given = config.sections[name].values if name in config.sections else {}
        yield from _section(name, given, _defaults(options))
    for title, raw in config.sections.items():
        if title not in settings.SECTIONS:
            yield from _section(title, raw.values, {})


def _defaults(options: type[settings.Options]) -> Mapping[str, str]:
    fields = msgspec.structs.fields(options)
    return {each.name: _text(each.default) for each in fields if not each.required}


def _section(title: str, given: Mapping[str, str], defaults: Mapping[str, str]) -> Iterator[str]:
    yield f"\n[{safe(title)}]"
    for key, value in given.items():
        yield f"{key} = {_shown(key, value)}".rstrip()
    for key, value in defaults.items():
        if key not in given:
            yield f"#{key} = {value}".rstrip()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _shown(key: str, value: str) -> str:
    if value and _SECRET.search(key) and not _PLACES.search(key):
        return HIDDEN
    # Further lines of a value are indented, as in the file.
    return "\n    ".join(safe(_LOGIN.sub(f"{HIDDEN}@", line)) for line in value.splitlines())


if __name__ == "__main__":
    main()
