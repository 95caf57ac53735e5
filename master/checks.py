"""`python -m master --check`: the port, the keys, the store, the spool and the API, one by one."""

import errno
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from postroom import house, settings, wire
from postroom.api_client import ApiClient
from postroom.credentials import api_token
from postroom.daemon import CheckLine, Daemon
from postroom.errors import PostroomError
from postroom.settings import Config
from postroom.sockets import Lanes, ServerKeys, keys
from postroom.storage import open_mails

#: How long a master may take to answer.
ANSWER_SECONDS = 3.0


def check(running: Daemon) -> list[CheckLine]:
    """Try everything that a start would need."""
    config = running.config
    return [
        _tried("port", lambda: _port(config), "end the program that has it, or set another port"),
        _tried("keys", lambda: _keys(config), f"run `{keys.MAKE_KEYS}`"),
        _tried("storage", lambda: _storage(config), "set [storage] mails and mails_path"),
        _tried("spool", lambda: _spool(config), "make the folder writable, or set [master] spool"),
        _tried(
            "api", lambda: _api(config), f"start it with `{house.typed('api')}`, or set [api] url"
        ),
    ]


def _tried(name: str, attempt: Callable[[], str], remedy: str) -> CheckLine:
    try:
        return CheckLine(name, True, attempt())
    except (PostroomError, OSError) as e:
        return CheckLine(name, False, str(e), remedy)


def _port(config: Config) -> str:
    master = config.section("master", settings.Master)
    try:
        _bind(master)
    except OSError as e:
        if e.errno == errno.EADDRINUSE and _is_master(master.address):
            return f"a master answers at {master.address}"
        raise
    return f"{master.host}:{master.port} is free"


def _is_master(address: str) -> bool:
    """Whether what listens there speaks our protocol; one that wants a key stays silent."""
    stop = threading.Event()
    lanes = Lanes(address, lanes=1, stop=stop)
    question = wire.Pass(mailbox="check", epoch=0, folder="", uidvalidity=0)
    try:
        lanes.submit(question).result(timeout=ANSWER_SECONDS)
    except TimeoutError:
        return False
    else:
        return True
    finally:
        stop.set()
        lanes.close()


def _bind(master: settings.Master) -> None:
    family = socket.AF_INET6 if ":" in master.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As libzmq binds: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("" if master.host == "*" else master.host, master.port))


def _keys(config: Config) -> str:
    master = config.section("master", settings.Master)
    folder = config.path_of(master.keys)
    own = ServerKeys.load(folder)
    keys.need_keys_off_loopback(master.host, own, folder)
    return f"in {folder}" if own else "none, and none needed on this machine"


def _storage(config: Config) -> str:
    kind = config.section("storage", settings.Storage).mails
    store = open_mails(config)
    try:
        return f"{kind}, id {store.id}, batch {store.batch()}"
    finally:
        store.close()


def _spool(config: Config) -> str:
    folder = Path(config.path_of(config.section("master", settings.Master).spool))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")
        os.fsync(file.fileno())
    return f"{folder} can be written"


def _api(config: Config) -> str:
    url = config.section("api", settings.Api).base_url
    client = ApiClient(url, api_token(config))
    try:
        client.health()
    finally:
        client.close()
    return f"{url} answers"
