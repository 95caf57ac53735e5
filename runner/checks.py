"""`python -m runner --check`: can scripts be run here, and is there somebody to run them for?"""

from collections.abc import Sequence
from contextlib import closing
from urllib.parse import urlsplit

from postroom import house, registry, settings
from postroom.credentials import require_private
from postroom.daemon import CheckLine, Daemon
from postroom.digest_options import of_alarms
from postroom.errors import PostroomError, RefusedError
from postroom.mailer import Mailer
from postroom.runner_client import RunnerClient
from postroom.runs import RenewRun
from postroom.settings import Config, Runner
from postroom.storage import open_files

from . import shared
from .workshop import Workshop

_SECONDS = 5.0


def check(run: Daemon) -> Sequence[CheckLine]:
    """A line for the API and the token, the storage, isolation, uv, the secrets and the queue."""
    config = run.config
    lines = [_api(config), _storage(config), _isolation(config), _uv(), _secrets(config)]
    return [*lines, *_queue(config), *_alarms(config)]


def _api(config: Config) -> CheckLine:
    url = config.section("api", settings.Api).base_url
    try:
        token = shared.token(config)
        with closing(RunnerClient(url, token, timeout=_SECONDS)) as client:
            client.health()
            try:
                # No run has this number: who may run scripts is told so.
                client.renew_run(2**62, RenewRun(claim="check"))
            except RefusedError as e:
                if e.code not in ("not_found", "lease_lost"):
                    raise
    except RefusedError as e:
        remedy = f"make a token by: {house.typed('api')} token new runner --scope run,read"
        return CheckLine("api", False, f"{url}: {e}", remedy)
    except PostroomError as e:
        return CheckLine("api", False, f"{url}: {e}", "start the API, look at [api] and [runner]")
    return CheckLine("api", True, f"{url}: the token may run scripts")


def _storage(config: Config) -> CheckLine:
    try:
        with closing(open_files(config)) as storage:
            return CheckLine("storage", True, f"{storage.id}, commit {storage.batch()}")
    except (PostroomError, OSError) as e:
        return CheckLine("storage", False, str(e), "look at [storage]")


def _isolation(config: Config) -> CheckLine:
    try:
        name = Workshop(config).isolation.name
    except PostroomError as e:
        return CheckLine("isolation", False, str(e), "see docs/scripts.md, Isolation")
    return CheckLine("isolation", True, name)


def _uv() -> CheckLine:
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - it may be missing

        return CheckLine("uv", True, str(find_uv_bin()))
    except (ImportError, FileNotFoundError):
        told = "missing: scripts that declare what they import cannot run"
        return CheckLine("uv", False, told, "pip install uv")


def _secrets(config: Config) -> CheckLine:
    folder = config.path_of(config.section("runner", Runner).secrets)
    if not folder.is_dir():
        return CheckLine("secrets", True, f"{folder}: no folder, so none but those of variables")
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for path in files:
        try:
            require_private(path)
        except PostroomError as e:
            return CheckLine(
                "secrets", False, str(e), "run the command that the sentence ends with"
            )
    return CheckLine("secrets", True, f"{folder}: {len(files)}")


def _queue(config: Config) -> list[CheckLine]:
    try:
        address = shared.queue(config)
    except PostroomError as e:
        return [CheckLine("queue", False, str(e), "look at [runner] queue")]
    if not address:
        return []
    url = urlsplit(address)
    host, port = url.hostname or "localhost", url.port or (5671 if url.scheme == "amqps" else 5672)
    try:
        registry.load({url.scheme: "runner.broker:log_in"}, url.scheme, "queue")(address, _SECONDS)
    except PostroomError as e:
        told = f"{host} port {port}: {e}"
        return [CheckLine("queue", False, told, "start RabbitMQ, or look at [runner] queue")]
    return [CheckLine("queue", True, f"{host} port {port}: logged in")]


def _alarms(config: Config) -> list[CheckLine]:
    try:
        mailer = Mailer.configured(config, of_alarms(config))
        return [CheckLine("alarms", True, mailer.check())] if mailer else []
    except PostroomError as e:
        return [CheckLine("alarms", False, str(e), "look at [alarms] and [digest]")]
