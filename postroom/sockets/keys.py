"""CURVE keys: a pair for the master, a pair for each client, files that only their owner reads."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import zmq
import zmq.auth

from postroom import house
from postroom.errors import CredentialError, SettingsError
from postroom.net import is_loopback

SERVER = "server"
CLIENTS = "clients"
MAKE_KEYS = house.typed("master keys new")


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client needs: its own pair and the public key of the master that it trusts."""

    public: bytes
    secret: bytes = field(repr=False)
    server: bytes

    @classmethod
    def load(cls, key_file: Path, server_key_file: Path) -> "ClientKeys":
        """Read NAME.key_secret and server.key; CredentialError when missing or open to others."""
        public, secret = _read_secret(key_file)
        return cls(public, secret, _read(server_key_file)[0])

    def apply(self, socket: "zmq.Socket[bytes]") -> None:
        """Encrypt the socket's connections and prove who connects."""
        socket.curve_publickey = self.public
        socket.curve_secretkey = self.secret
        socket.curve_serverkey = self.server


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The master's own pair, and the folder of the clients that may connect."""

    public: bytes
    secret: bytes = field(repr=False)
    clients: Path

    @classmethod
    def load(cls, folder: Path) -> "ServerKeys | None":
        """Read the pair in the folder; None when there is none."""
        file = folder / f"{SERVER}.key_secret"
        if not file.exists():
            return None
        public, secret = _read_secret(file)
        return cls(public, secret, folder / CLIENTS)

    def apply(self, socket: "zmq.Socket[bytes]") -> None:
        """Let only clients with an allowed key in."""
        socket.curve_publickey = self.public
        socket.curve_secretkey = self.secret
        socket.curve_server = True


class Guard:
    """Checks each client against the folder of allowed keys (ZAP, RFC 27)."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", clients: Path) -> None:
        # It brings all of asyncio along, which who has no keys never needs.
        from zmq.auth.thread import ThreadAuthenticator  # noqa: PLC0415

        self._clients = clients
        self._read_at = 0.0
        self._thread = ThreadAuthenticator(context)
        self._thread.start()
        self.look()

    def look(self) -> None:
        """Read the folder again if a key came or went: a new client needs no restart."""
        changed = self._clients.stat().st_mtime
        if changed != self._read_at:
            self._thread.configure_curve(domain="*", location=str(self._clients))
            self._read_at = changed

    def close(self) -> None:
        """End the thread."""
        self._thread.stop()


def create(folder: Path, name: str = "") -> list[Path]:
    """Make what is missing: the master's pair, and a client's pair if a name is given.

    Returns the files written. The folder of the allowed clients holds public keys only.
    """
    if name and not name.replace("-", "").replace("_", "").isalnum():
        raise SettingsError(f"{name!r} is no name for a key: use letters, digits, - and _")
    (folder / CLIENTS).mkdir(parents=True, exist_ok=True, mode=0o700)
    written: list[Path] = []
    if not (folder / f"{SERVER}.key_secret").exists():
        written += _write_pair(folder / SERVER, folder)
    if name == SERVER:
        raise SettingsError(f"{SERVER!r} is the master's own key: choose another name")
    if name:
        if (folder / f"{name}.key_secret").exists():
            raise SettingsError(f"{folder / name}.key_secret exists: remove it first to replace it")
        written += _write_pair(folder / name, folder / CLIENTS)
    return written


def need_keys_off_loopback(host: str, keys: ServerKeys | None, folder: Path) -> None:
    """Raise SettingsError when strangers could reach the master without a key."""
    if keys is None and not is_loopback(host):
        raise SettingsError(
            f"[master] host = {host}: beyond this machine the master needs keys, and {folder} has "
            f"none: run `{MAKE_KEYS}` and `{MAKE_KEYS} NAME` for each client"
        )


def _write_pair(secret: Path, public_folder: Path) -> list[Path]:
    public_key, secret_key = zmq.curve_keypair()
    lines = f'metadata\ncurve\n    public-key = "{public_key.decode()}"\n'
    secret_file = secret.with_name(f"{secret.name}.key_secret")
    public_file = public_folder / f"{secret.name}.key"
    _write(secret_file, f'{lines}    secret-key = "{secret_key.decode()}"\n', 0o600)
    _write(public_file, lines, 0o644)
    return [secret_file, public_file]


def _write(file: Path, text: str, mode: int) -> None:
    # The mode is given at creation: the secret is never readable, not even for a moment.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as stream:
        stream.write(text)


def _read_secret(file: Path) -> tuple[bytes, bytes]:
    if file.exists() and file.stat().st_mode & 0o077:
        raise CredentialError(f"{file} can be read by others: chmod 600 {file}")
    public, secret = _read(file)
    if secret is None:
        raise CredentialError(f"{file} has no secret key: name the .key_secret file")
    return public, secret


def _read(file: Path) -> tuple[bytes, bytes | None]:
    try:
        return zmq.auth.load_certificate(file)
    except (OSError, ValueError) as e:
        raise CredentialError(f"{file}: no key can be read ({e}): `{MAKE_KEYS}` makes one") from e
