"""What all threads of a runner use: the API, the store of outputs, the workshop, the leases."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from postroom import house, settings
from postroom.credentials import from_environment, read_private, require_private
from postroom.errors import CredentialError, SettingsError
from postroom.metrics import Numbers
from postroom.runner_client import RunnerClient
from postroom.settings import Config, Runner
from postroom.storage import Storage, open_files

from . import measured
from .leases import Leases
from .logbook import Logs
from .places import Places
from .workshop import Workshop

#: Seconds between two looks for the token.
_LOOK_SECONDS = 0.2

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shared:
    """Made once, closed at the end."""

    url: str
    options: Runner
    store: Storage
    workshop: Workshop
    places: Places
    leases: Leases
    logs: Logs
    #: Take nothing more.
    stop: Event
    worker: str
    token: str = field(repr=False)
    #: The storage cannot be trusted any more.
    broken: Event = field(default_factory=Event)
    numbers: Numbers = field(default_factory=lambda: Numbers(measured.METRICS))
    _local: threading.local = field(default_factory=threading.local)

    @property
    def client(self) -> RunnerClient:
        """The connection of this thread."""
        if not hasattr(self._local, "client"):
            self._local.client = RunnerClient(self.url, self.token)
        found: RunnerClient = self._local.client
        return found


@contextmanager
def opened(config: Config, stop: Event) -> Iterator[Shared]:
    """Open all; SettingsError where the settings cannot work."""
    options = config.section("runner", Runner)
    url = config.section("api", settings.Api).base_url
    key = _awaited_token(config, stop)
    workshop = Workshop(config, options)
    short = max(1.0, options.lease_seconds / 12)
    with closing(open_files(config)) as store:
        places = Places(config.path_of(options.runs))
        leases, logs = Leases(RunnerClient(url, key, timeout=short)), Logs(RunnerClient(url, key))
        try:
            yield Shared(
                url=url,
                options=options,
                store=store,
                workshop=workshop,
                places=places,
                leases=leases,
                logs=logs,
                stop=stop,
                worker=f"{socket.gethostname()}-{os.getpid()}"[:200],
                token=key,
            )
        finally:
            logs.close()
            leases.close()
            places.close()


def _awaited_token(config: Config, stop: Event) -> str:
    """The token, once the API of this machine has written it: both may start at once."""
    told = False
    while not stop.is_set():
        file = _file(config)
        if file is None or file.exists():
            break
        if not told:
            log.warning("waiting for the API of this machine to write %s", file)
            told = True
        stop.wait(_LOOK_SECONDS)
    return token(config)


def _file(config: Config) -> Path | None:
    """Where the API of this machine writes a token; None where another one is named."""
    api = config.section("api", settings.Api)
    named = from_environment("POSTROOM_RUNNER_TOKEN")
    if named or api.url or config.section("runner", Runner).token_file:
        return None
    return config.path_of(api.beside) / "runner.token"


def token(config: Config) -> str:
    """The token of scope run; on the machine of the API it is found by itself."""
    if given := from_environment("POSTROOM_RUNNER_TOKEN"):
        return given
    options, api = config.section("runner", Runner), config.section("api", settings.Api)
    if options.token_file:
        return read_private(config.path_of(options.token_file))
    file = config.path_of(api.beside) / "runner.token"
    if not file.exists():
        raise CredentialError(
            f"{file}: not there: start the API first, which writes it; or make a token by "
            f"'{house.typed('api')} token new runner --scope run,read' where the API is, and name "
            "its file as token_file in [runner]"
        )
    return read_private(file)


def queue(config: Config) -> str:
    """The address of RabbitMQ; empty for none."""
    given = from_environment("POSTROOM_RUNNER_QUEUE")
    told = given or config.section("runner", Runner).queue
    if told and not _is_address(told):
        # Its own words are not told: they may be a part of the password.
        raise SettingsError(
            f"{config.shown}: [runner] queue: expected amqp://USER:PASSWORD@HOST:5672, "
            "with / ? # @ in a password written as %2F %3F %23 %40"
        )
    if told and not given and "@" in told and config.file:
        require_private(config.file)
    return told


def _is_address(told: str) -> bool:
    try:
        found = urlsplit(told)
        # A port that is no number is what a slash in the password looks like.
        return found.scheme in ("amqp", "amqps") and bool(found.hostname) and found.port != 0
    except ValueError:
        return False
