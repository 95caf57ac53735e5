"""Watched pages, from a real web server to the API, the storage and the mail."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers.daemons import Daemons
from tests.servers.web import WebServer


def page(web: WebServer, path: str = "/", **more: Any) -> dict[str, Any]:
    return {
        "url": f"{web.url}{path}",
        "interval_seconds": 0.5,
        "pause_seconds": 0,
        "allow_hosts": "127.0.0.1",
        "recheck_hours": 1e-6,
        **more,
    }


def test_a_new_file_is_stored_and_told(daemons: Callable[..., Daemons], web: WebServer) -> None:
    web.links("/", ["a.pdf", "b.pdf"])
    web.serve("/a.pdf", b"one", "application/pdf")
    web.serve("/b.pdf", b"two", "application/pdf")
    chain = daemons({}, {"page docs": page(web)})
    chain.start("api", "master")

    status = chain.look()
    print(chain.log("look"), chain.log("master"))
    assert status == 0
    print(chain.items("/v1/files"))
    print(chain.items("/v1/pages"))
    assert 0
