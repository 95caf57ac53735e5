"""`--alone`: an API and a master beside the monitor, on this machine alone, gone with it."""

import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from postroom import settings
from postroom.api_client import ApiClient
from postroom.children import Children
from postroom.errors import PostroomError, TemporaryError
from postroom.net import free_port, is_free
from postroom.settings import Config, RawSection

from . import spool

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
START_SECONDS = 30.0
LOOK_SECONDS = 2.0
#: One of these is the API's: below those that systems give to whoever asks for any.
PORTS = range(20_000, 30_000)
#: What the two need to know, and which of it are paths: theirs start at another folder.
SECTIONS = ("api", "master", "storage", "sink", "log")
PATHS = {
    "api": ("database", "token_file"),
    "master": ("spool", "keys"),
    "storage": ("mails_path", "files_path"),
    "sink directory": ("path",),
    "storage s3": ("ca_file",),
    "log": ("file",),
}
#: Variables that are the monitor's own.
WITHOUT = ("FM_", "FL_", "POSTROOM_DIGEST_", "POSTROOM_PAGE_")


@contextmanager
def beside(config: Config, stop: threading.Event) -> Iterator[Config]:
    """Run both; the settings by which the monitor finds them."""
    options = config.section("monitor", settings.Monitor)
    with ExitStack() as stack:
        with config.blaming("monitor", "spool"):
            folder = stack.enter_context(spool.opened(config.path_of(options.spool)))
        given = placed(config)
        children = Children(_written(given, folder), _say, without=WITHOUT)
        stack.callback(children.stop)
        _start(children, given, stop)
        stack.enter_context(_kept_alive(children))
        yield given


def placed(config: Config) -> Config:
    """The same settings with addresses of this machine; the ports are free ones."""
    # One that somebody chose stays: it may stand in a bookmark.
    chosen = config.sections.get("api", RawSection("", "")).get("port")
    own = {
        "api": {"host": HOST, "port": chosen or str(_port(config)), "url": "", "hosts": ""},
        "master": {"host": HOST, "port": str(free_port(HOST))},
        "monitor": {"master": "", "key_file": "", "server_key_file": ""},
    }
    sections = dict(config.sections)
    for name, values in own.items():
        raw = sections.get(name, RawSection(config.shown, name))
        sections[name] = replace(raw, values={**raw.values, **values})
    return replace(config, sections=sections)


def _port(config: Config) -> int:
    """The same at each start if it can be: mails have links to the API."""
    database = config.path_of(config.section("api", settings.Api).database).resolve()
    number = int.from_bytes(sha256(str(database).encode()).digest()[:4], "big")
    port = PORTS[number % len(PORTS)]
    return port if is_free(HOST, port) else free_port(HOST)


def _written(config: Config, folder: Path) -> Path:
    """The settings of both as a private file; all paths are whole."""
    names = [name for name in config.sections if name.partition(" ")[0] in SECTIONS]
    text = []
    for name in dict.fromkeys([*names, "api", "master", "storage"]):
        raw = config.sections.get(name, RawSection(config.shown, name))
        text += [f"[{name}]", *_lines({**raw.values, **_paths(config, name, raw)}), ""]
    file = folder / "config.ini"
    # Private from its first moment, not by a chmod that comes later.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write("\n".join(text))
    return file


def _paths(config: Config, name: str, raw: RawSection) -> dict[str, str]:
    options = settings.SECTIONS.get(name)
    defaults = options() if options else None
    told = {key: raw.get(key, getattr(defaults, key, "")) for key in PATHS.get(name, ())}
    # A database on a server has a URL.
    paths = {key: value for key, value in told.items() if value and "://" not in value}
    return {key: str(config.path_of(value).absolute()) for key, value in paths.items()}


def _lines(values: Mapping[str, str]) -> Iterator[str]:
    for key, value in values.items():
        # A list may have come as several lines.
        yield f"{key} = " + value.replace("\n", "\n    ")


def _start(children: Children, config: Config, stop: threading.Event) -> None:
    api = config.section("api", settings.Api)
    master = config.section("master", settings.Master)
    client = ApiClient(api.base_url, timeout=3.0)
    try:
        children.start("api")
        _require(children.await_ready(lambda: _is_well(client), START_SECONDS, stop))
    finally:
        client.close()
    children.start("master")
    _require(children.await_ready(lambda: _listens(master.port), START_SECONDS, stop))
    # Whoever began this sits at a terminal, even where the log goes to a file alone.
    sys.stdout.write(f"API: {api.base_url}, files: {api.base_url}/v1/files\n")
    sys.stdout.flush()
    log.info("API at %s, files at %s/v1/files", api.base_url, api.base_url)


def _require(failed: str) -> None:
    if failed:
        raise TemporaryError(failed)


def _is_well(client: ApiClient) -> bool:
    try:
        client.health()
    except PostroomError:
        return False
    return True


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def _kept_alive(children: Children) -> Iterator[None]:
    """Whichever of them dies is started again: nothing is lost by it."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            for sentence in children.revive():
                log.error("%s; started again", sentence)

    thread = threading.Thread(target=look, name="children", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _say(name: str, line: str) -> None:
    """What they tell is a log already."""
    sys.stderr.write(f"{line}\n")
