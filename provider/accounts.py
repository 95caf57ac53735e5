"""The credentials of a mailbox, wherever its section says that they are."""

import getpass
import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from postroom import credentials, settings
from postroom.credentials import Credentials
from postroom.errors import CredentialError
from postroom.settings import Config

from .auth import AuthOptions

#: Characters of a file's name; beyond it a hash stands for the name.
LONGEST_NAME = 200


def find(config: Config, name: str, options: Any) -> Credentials:
    """Return what is known; asks at the terminal for a password that stands nowhere."""
    if not isinstance(options, AuthOptions):
        return credentials.lookup(name, config.folder)
    file = config.path_of(options.password_file) if options.password_file else None
    found = credentials.lookup(name, config.folder, file)
    if options.auth == "oauth2":
        return replace(found, token_file=_token_file(config, name))
    if found.username and not found.password and sys.stdin.isatty():
        return replace(found, password=_asked(name, found.username))
    return found


def _token_file(config: Config, name: str) -> Path:
    folder = config.path_of(config.section("provider", settings.Provider).tokens)
    safe = quote(name, safe="")
    if len(safe) > LONGEST_NAME:
        safe = hashlib.sha256(name.encode()).hexdigest()
    return folder / f"{safe}.json"


def _asked(name: str, user: str) -> str:
    try:
        return getpass.getpass(f"Password of {user} for the mailbox {name}: ")
    except EOFError:
        raise CredentialError(f"no password was given for the mailbox {name}") from None
