"""`python -m postroom status`: how every source and the last runs stand, as the API tells it."""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from postroom import credentials, house, settings
from postroom.errors import PostroomError, SettingsError
from postroom.logs import safe

SECONDS = 10.0
WATCH_SECONDS = 5.0
FINE, ATTENTION, SETTINGS, AWAY = range(4)
#: States of sources that somebody has to look at.
ILL: Final = ("silent", "failing")
Told = dict[str, list[dict[str, Any]]]
ASKED = {
    "mailboxes": "/v1/mailboxes?limit=500",
    "pages": "/v1/pages?limit=500",
    "runs": "/v1/runs?limit=10",
    "quarantine": "/v1/quarantine?limit=10",
}


def main() -> None:
    """Show it once, or again and again; the exit status says whether somebody has to act."""
    args = _parser().parse_args()
    try:
        config = settings.load(args.config)
        if args.watch is not None and not args.json:
            sys.exit(_watch(config, args.watch))
        told = ask(config)
    except SettingsError as e:
        sys.exit(_say(str(e), SETTINGS))
    except (PostroomError, OSError) as e:
        sys.exit(_say(f"{e}: start the API ({house.typed('api')}), or set [api] url", AWAY))
    wrong = attention(told)
    if args.json:
        sys.stdout.write(json.dumps({**told, "attention": wrong}, indent=2) + "\n")
    else:
        Console().print(shown(told))
    sys.exit(ATTENTION if wrong else FINE)


def ask(config: settings.Config) -> Told:
    """What the API tells; OSError when it cannot be reached."""
    url = config.section("api", settings.Api).base_url
    token = credentials.api_token(config)
    headers = {"Accept": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    told: Told = {}
    for name, path in ASKED.items():
        request = urllib.request.Request(url + path, headers=headers)  # noqa: S310 - a setting
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                told[name] = json.load(answer)["items"]
        except urllib.error.URLError as e:
            raise OSError(f"{url} does not answer: {e}") from e
    return told


def attention(told: Told) -> list[str]:
    """A sentence for each thing that somebody has to look at."""
    found = [
        f"{kind} {each['name']} is {each['state']}: {each['error'] or 'not heard of'}"
        for kind, name in (("mailbox", "mailboxes"), ("page", "pages"))
        for each in told[name]
        if each["state"] in ILL
    ]
    if told["quarantine"]:
        found.append("there are mails in quarantine: see /v1/quarantine")
    found += [f"run {run['id']} failed" for run in told["runs"] if run["status"] == "error"]
    return found


def shown(told: Told) -> Group:
    """Tables for a terminal, plain lines elsewhere."""
    sources = Table("", "source", "state", "lag", "last receipt", box=None)
    for each in told["mailboxes"]:
        lag = "" if each["lag"] is None else f"{each['lag']:.0f} s"
        sources.add_row(*_source("mailbox", each), lag, _receipt(each["last_receipt"]))
    for each in told["pages"]:
        sources.add_row(*_source("page", each), "", f"{each['links']} links")
    runs = Table("run", "status", box=None)
    for run in told["runs"]:
        runs.add_row(str(run["id"]), str(run["status"]))
    return Group(sources, runs, *attention(told))


def _source(kind: str, each: dict[str, Any]) -> tuple[str, str, str]:
    mark = "!" if each["state"] in ILL else "+"
    return mark, f"{kind} {safe(each['name'])}", each["state"]


def _receipt(receipt: dict[str, Any] | None) -> str:
    if receipt is None:
        return "none yet"
    return f"{receipt['listed']} listed, {receipt['stored']} stored, {receipt['missing']} missing"


def _watch(config: settings.Config, seconds: float) -> int:
    try:
        with Live(shown(ask(config)), auto_refresh=False) as live:
            while True:
                time.sleep(seconds)
                live.update(shown(ask(config)), refresh=True)
    except KeyboardInterrupt:
        return FINE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m postroom status", description=__doc__)
    parser.add_argument("--config", type=Path, metavar="PATH", help="settings (config.ini)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--watch", type=float, nargs="?", const=WATCH_SECONDS, metavar="SECONDS",
        help="show it again and again, until Ctrl-C",
    )  # fmt: skip
    return parser


def _say(sentence: str, status: int) -> int:
    sys.stderr.write(f"status: {sentence}\n")
    return status


if __name__ == "__main__":
    main()
