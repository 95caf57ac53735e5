"""`python -m postroom status`: how sources, scripts and runs stand, as the API tells it."""

import argparse
import json
import sys
import threading
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live

from postroom import credentials, house, settings, signals
from postroom.api_client import ApiClient
from postroom.errors import PostroomError, RefusedError, SettingsError
from postroom.settings import Config
from postroom.status_shown import Told, sentences, shown

SECONDS = 10.0
WATCH_SECONDS = 5.0
FINE, ATTENTION, SETTINGS, AWAY = range(4)
#: What is listed whole, and what is as long as a glance.
LISTS = {"mailboxes": "/v1/mailboxes", "pages": "/v1/pages", "scripts": "/v1/scripts"}
NEWEST = {"runs": "/v1/runs?limit=10", "quarantine": "/v1/quarantine?limit=10"}
#: Of a table that nobody's terminal bounds.
WIDTH = 160


def main() -> None:
    """Show it once, or again and again; the exit status says whether somebody has to act."""
    args = _parser().parse_args()
    try:
        config = settings.load(args.config)
        if args.watch is not None:
            sys.exit(_watch(config, args.watch, as_json=args.json))
        told = ask(config)
    except PostroomError as e:
        sys.stderr.write(f"status: {_explained(e)}\n")
        sys.exit(SETTINGS if isinstance(e, SettingsError) else AWAY)
    if args.json:
        sys.stdout.write(json.dumps(_document(told), indent=2) + "\n")
    else:
        _console().print(shown(told))
    sys.exit(ATTENTION if told["attention"]["needed"] else FINE)


def ask(config: Config) -> Told:
    """What the API tells; TemporaryError when it is away, RefusedError when it does not tell us."""
    try:
        return _asked(config, credentials.api_token(config))
    except RefusedError as e:
        # Daemons may bring and not read; who may read the file of the admin may do that.
        if e.code not in ("unauthorized", "forbidden"):
            raise
        return _asked(config, credentials.admin_token(config))


def _asked(config: Config, token: str) -> Told:
    url = config.section("api", settings.Api).base_url
    with closing(ApiClient(url, token, timeout=SECONDS)) as api:
        told: Told = {"api": {"url": url, "version": api.read("/health")["version"]}}
        told["attention"] = api.read("/v1/attention")
        told.update({name: _all(api, path) for name, path in LISTS.items()})
        told.update({name: api.read(path)["items"] for name, path in NEWEST.items()})
    return told


def _all(api: ApiClient, path: str) -> list[dict[str, Any]]:
    part = api.read(f"{path}?limit=500")
    found: list[dict[str, Any]] = part["items"]
    while part["has_more"]:
        part = api.read(f"{path}?limit=500&cursor={part['next_cursor']}")
        found += part["items"]
    return found


def _document(told: Told) -> Told:
    return {**told, "sentences": sentences(told["attention"])}


def _explained(e: PostroomError) -> str:
    if isinstance(e, SettingsError):
        return str(e)
    if isinstance(e, RefusedError):
        return f"{e}: give [api] token, or token_file, a token of scope read"
    return f"{e}: start it ({house.typed('api')}), or set [api] url"


def _watch(config: Config, seconds: float, *, as_json: bool) -> int:
    """On a terminal redraw, elsewhere add; an API that is away is waited for."""
    stop = threading.Event()
    signals.listen(stop)
    console = _console()
    redraws = console.is_terminal and not as_json
    live = Live(console=console, auto_refresh=False) if redraws else None
    with live or nullcontext():
        while not stop.is_set():
            try:
                told = ask(config)
            except SettingsError:
                raise
            except PostroomError as e:
                drawn: RenderableType = _explained(e)
                line = json.dumps({"error": drawn})
            else:
                drawn, line = shown(told), json.dumps(_document(told))
            if live:
                live.update(drawn, refresh=True)
            elif as_json:
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
            else:
                console.rule(datetime.now().astimezone().isoformat(" ", "seconds"))
                console.print(drawn)
            stop.wait(seconds)
    return FINE


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m postroom status", description=__doc__)
    parser.add_argument("--config", type=Path, metavar="PATH", help="settings (config.ini)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--watch", type=_seconds, nargs="?", const=WATCH_SECONDS, metavar="SECONDS",
        help="show it again and again, until Ctrl-C",
    )  # fmt: skip
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text}: expected 0.1 to 86400 seconds")
    return seconds


if __name__ == "__main__":
    main()
