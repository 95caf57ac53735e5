"""Secrets: from the environment or from private files, never executed, never shown."""

import ast
import os
import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from postroom.errors import CredentialError
from postroom.settings import Api, Config

FILE = "imap_credentials.py"
_FIELDS = ("username", "password", "server", "port", "client_secret", "refresh_token")
_DEFAULTS = {f"imap_{name}": name for name in _FIELDS}
_TABLE = "mailboxes"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to log in to one mailbox; None where nobody said."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    server: str | None = None
    port: int | None = None
    #: Of OAuth2: the application's, where it has one, and the owner's consent.
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    #: Where refresh tokens are kept that came later.
    token_file: Path = field(default=Path(), compare=False)
    #: The mailbox.
    name: str = field(default="", compare=False)


def lookup(name: str, folder: Path, password_file: Path | None = None) -> Credentials:
    """Return what is known for the mailbox `name`: the environment, files, imap_credentials.py.

    The last stands in `folder`; a mailbox without an entry in its table gets the variables.
    Raises CredentialError for what is unreadable, malformed or open to other users.
    """
    known = replace(_from_file(folder / FILE, name), name=name)
    prefix = "POSTROOM_" + re.sub(r"\W", "_", name).upper()
    told: dict[str, Any] = {}
    for key in _FIELDS:
        value = from_environment(f"{prefix}_{key.upper()}")
        if value:
            told[key] = _checked(f"{prefix}_{key.upper()}", key, value)
    if password_file and "password" not in told:
        told["password"] = read_private(password_file)
    return replace(known, **told)


def api_token(config: Config) -> str:
    """Return the token that the other daemons show to the API; empty if none is configured."""
    api = config.section("api", Api)
    token = from_environment("POSTROOM_API_TOKEN") or api.token
    if token and token == api.token and config.file:
        require_private(config.file)
    if not token and api.token_file:
        token = read_private(config.path_of(api.token_file))
    return token


def admin_token(config: Config) -> str:
    """Return the token for what needs an admin; that of an API on this machine is found by itself.

    Else it is the one that the other daemons show, whatever that one may do.
    """
    api = config.section("api", Api)
    if token := from_environment("POSTROOM_ADMIN_TOKEN"):
        return token
    file = config.path_of(api.beside) / "admin.token"
    # It is of use to that API alone.
    if not api.url and file.exists():
        return read_private(file)
    return api_token(config)


def from_environment(variable: str) -> str:
    """Return the variable's value, or the content of the private file that VARIABLE_FILE names."""
    file = os.environ.get(f"{variable}_FILE", "")
    return os.environ.get(variable, "") or (read_private(Path(file)) if file else "")


def read_private(path: Path) -> str:
    """Return a file's text without its last line end; CredentialError if others may read it."""
    require_private(path)
    try:
        return path.read_text("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise CredentialError(f"{path}: not UTF-8: save the file as UTF-8") from None
    except OSError as e:
        raise CredentialError(f"{path}: cannot be read: {e.strerror}") from e


def require_private(path: Path) -> None:
    """Raise CredentialError, with the command that mends it, if others may open the file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as e:
        raise CredentialError(f"{path}: cannot be read: {e.strerror}") from e
    if mode & 0o077:
        command = f"chmod 600 {shlex.quote(str(path))}"
        raise CredentialError(
            f"{path}: its mode {mode:04o} lets other users open it, expected 0600: {command}"
        )


def _from_file(file: Path, name: str) -> Credentials:
    if not file.exists():
        return Credentials()
    assigned = _assignments(file, read_private(file))
    table = assigned.pop(_TABLE, {})
    if not isinstance(table, Mapping):
        raise CredentialError(f"{file}: {_TABLE}: expected a table of mailboxes by name")
    if name in table:
        return _credentials(f"{file}: {_TABLE}[{name!r}]", table[name], {f: f for f in _FIELDS})
    return _credentials(str(file), assigned, _DEFAULTS)


def _assignments(file: Path, text: str) -> dict[str, Any]:
    """The top-level `name = literal` lines; the text is never run, and never quoted in an error."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        line = getattr(e, "lineno", None) or 1
        raise CredentialError(
            f"{file}: line {line}: not a line of the form name = 'text'"
        ) from None
    assigned: dict[str, Any] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                assigned[name] = _literal(file, name, value)
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                where = f"{file}: line {statement.lineno}"
                raise CredentialError(f"{where}: expected lines of the form name = 'text' only")
    return assigned


def _literal(file: Path, name: str, value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        where = f"{file}: line {value.lineno}: {name}"
        raise CredentialError(f"{where}: expected plain text, a number or a table") from None


def _credentials(where: str, entry: Any, names: Mapping[str, str]) -> Credentials:
    """The entry as Credentials; `names` are its allowed keys and the fields that they mean."""
    if not isinstance(entry, Mapping):
        raise CredentialError(f"{where}: expected a table with {', '.join(names)}")
    values = {}
    for key, value in entry.items():
        if key not in names:
            raise CredentialError(f"{where}: unknown name {key}: expected {', '.join(names)}")
        # The example comes with empty texts: they say nothing.
        if value not in ("", None):
            values[names[key]] = _checked(f"{where}: {key}", names[key], value)
    return Credentials(**values)


def _checked(where: str, key: str, value: Any) -> Any:
    if key == "port":
        return _port(where, value)
    if not isinstance(value, str):
        raise CredentialError(f"{where}: expected text in quotes, found {type(value).__name__}")
    return value


def _port(where: str, value: Any) -> int:
    text = str(value)
    if (
        isinstance(value, bool)
        or not re.fullmatch("[0-9]{1,5}", text)
        or not 1 <= int(text) <= 65_535
    ):
        raise CredentialError(f"{where}: expected a whole number from 1 to 65535")
    return int(text)
