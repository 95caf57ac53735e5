"""A page to watch, and what a look or a download makes of it."""

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.download import Downloaded, Unchanged, download
from monitor.looking import Found, look
from monitor.pages import Page
from monitor.web import Hosts, Web
from postroom import wire
from tests.servers.web import WebServer


def page(server: WebServer, path: str = "/", **options: Any) -> Page:
    """The page at that path, without pauses; its host is allowed to be this machine."""
    told: dict[str, Any] = {
        "name": "reports",
        "url": server.url + path,
        "allow_hosts": ("127.0.0.1",),
        "pause_seconds": 0.0,
        "timeout_seconds": 5.0,
    }
    return Page(**{**told, **options})


def looked(watched: Page, hosts: Hosts | None = None) -> list[Found]:
    """What one look finds."""
    with Web(watched, hosts or Hosts(), threading.Event()) as web:
        return look(watched, web)


def paths(watched: Page, hosts: Hosts | None = None) -> list[str]:
    """The paths, with queries, of what one look finds."""
    parts = [urlsplit(found.url) for found in looked(watched, hosts)]
    return [f"{part.path}?{part.query}" if part.query else part.path for part in parts]


def downloaded(
    watched: Page,
    path: str,
    folder: Path,
    told: list[tuple[int, int | None]] | None = None,
    hosts: Hosts | None = None,
    **wanted: Any,
) -> Downloaded | Unchanged:
    """What a download of that path brings."""
    url = path if "://" in path else watched.url.rpartition("/")[0] + path
    asked = wire.WantedFile(url=url, **wanted)
    progress = [] if told is None else told
    with Web(watched, hosts or Hosts(), threading.Event()) as web:
        return download(
            watched, web, asked, folder, lambda done, total: progress.append((done, total))
        )


def brought(watched: Page, path: str, folder: Path, **more: Any) -> Downloaded:
    """The same, where a file is meant to come."""
    found = downloaded(watched, path, folder, **more)
    assert isinstance(found, Downloaded)
    return found
