"""Watched pages in tests: their sections, and what must be true of their files in the end."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.servers.daemons import Daemons
from tests.servers.smtp import SmtpServer
from tests.servers.web import Resource, WebServer

RECEIVER = "team@example.org"


def page(web: WebServer, path: str = "/", **more: Any) -> dict[str, Any]:
    """A section for the page at that path; known files are asked for again at every look."""
    return {
        "url": f"{web.url}{path}",
        "pause_seconds": 0,
        "timeout_seconds": 5,
        "allow_hosts": "127.0.0.1",
        "recheck_hours": 1e-6,
        **more,
    }


def digest(smtp: SmtpServer, **more: Any) -> dict[str, Any]:
    """A section [digest] for that server, which is one of this machine."""
    told = {"sender": "postroom@example.org", "receivers": RECEIVER, "server": smtp.host}
    return {**told, "port": smtp.port, "tls": "none", **more}


def files(web: WebServer, bodies: Mapping[str, bytes], path: str = "/") -> None:
    """A page with these files, which can be asked whether they changed."""
    web.links(path, [f"/{name}" for name in bodies])
    for name, body in bodies.items():
        web.routes[f"/{name}"] = Resource(body, etag=f'"{hash(body)}"')


def bodies(chain: Daemons) -> dict[str, bytes]:
    """What the API gives back of each file that is stored and current, by the end of its URL."""
    found = [each for each in chain.items("/v1/files") if each["current"]]
    stored = [each for each in found if each["state"] == "stored"]
    return {
        each["download_url"].rpartition("/")[2]: chain.get(f"/v1/files/{each['id']}/content")
        for each in stored
    }


def events(chain: Daemons) -> Counter[str]:
    """How often each kind of event happened."""
    return Counter(event["kind"] for event in chain.items("/v1/events"))


def spooled(chain: Daemons) -> list[str]:
    """What is left of downloads."""
    return [str(path) for path in (chain.folder / "data/monitor").rglob("*") if path.is_file()]
