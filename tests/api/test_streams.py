"""Events as they happen: resumed, bounded in number, ended in order, no thread held."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any, NamedTuple

import pytest

from api import server, streams
from api.log import events
from api.server import serve
from tests.api.caller import Caller, mail_bytes
from tests.waiting import wait_until

Event = dict[str, Any]


class Served(NamedTuple):
    """An API on a port."""

    api: Caller
    port: int
    stop: threading.Event
    thread: threading.Thread
    asked: ExitStack

    def stream(self, query: str = "", **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/v1/events/stream{query}", headers=headers)
        self.asked.callback(connection.close)
        return self.asked.enter_context(connection.getresponse())

    def open(self) -> int:
        return len(self.api.app.config["STREAMS"])


@contextmanager
def serving(api: Caller, port: int, threads: int) -> Iterator[Served]:
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(api.app, "127.0.0.1", port, threads, stop))
    thread.start()
    wait_until(lambda: _connects(port), 60, "the API")
    running = Served(api, port, stop, thread, ExitStack())
    try:
        yield running
    finally:
        running.asked.close()
        stop.set()
        thread.join()


@pytest.fixture
def served(api: Caller, free_port: int) -> Iterator[Served]:
    with serving(api, free_port, threads=2) as running:
        yield running


def _connects(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def tell(api: Caller, *kinds: str, **about: Any) -> None:
    with api.db.writing():
        for kind in kinds:
            events.tell(kind, "work", **about)


def fields(stream: HTTPResponse) -> dict[str, str]:
    """The next block of a stream."""
    found: dict[str, str] = {}
    while line := stream.readline().decode().rstrip("\n"):
        name, _, found[name] = line.partition(": ")
    return found


def following(stream: HTTPResponse, count: int) -> list[dict[str, str]]:
    """The next events, without what keeps a stream alive."""
    found: list[dict[str, str]] = []
    while len(found) < count:
        block = fields(stream)
        found += [block] if "data" in block else []
    return found


def test_events_come_as_the_list_shows_them(served: Served) -> None:
    tell(served.api, "before.it")
    with closing(served.stream()) as stream:
        begin = fields(stream)
        tell(served.api, "mail.stored", subject="é\nx")
        (told,) = following(stream, 1)

    listed = served.api.get(f"/v1/events?after={begin['id']}")
    assert stream.headers["Content-Type"] == streams.MEDIA
    assert begin["retry"] == "3000"
    assert (told["event"], told["id"]) == ("mail.stored", listed["next_cursor"])
    assert [json.loads(told["data"])] == listed["items"]


def test_a_stream_goes_on_where_the_last_one_was_cut(served: Served) -> None:
    tell(served.api, *["mail.stored"] * (2 * streams.PAGE + 5))
    first = served.api.get("/v1/events?limit=1")["next_cursor"]

    with closing(served.stream(f"?after={first}")) as stream:
        some = following(stream, 3)
    with closing(served.stream(f"?after={first}", **{"Last-Event-ID": some[-1]["id"]})) as stream:
        rest = following(stream, 2 * streams.PAGE + 1)

    assert [json.loads(each["data"])["id"] for each in [*some, *rest]] == list(range(2, 206))


def test_each_stream_has_its_own_filters(served: Served) -> None:
    with (
        closing(served.stream("?kind=source.*")) as sources,
        closing(served.stream("?source=home")) as home,
        closing(served.stream()) as every,
    ):
        tell(served.api, "mail.stored", "source.silent", "run.finished")
        with served.api.db.writing():
            events.tell("mail.stored", "home")

        assert [each["event"] for each in following(sources, 1)] == ["source.silent"]
        assert [each["event"] for each in following(home, 1)] == ["mail.stored"]
        assert len(following(every, 4)) == 4


def test_a_heartbeat_moves_the_cursor_on(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.0)
    with closing(served.stream("?kind=run.*")) as stream:
        begin = fields(stream)["id"]
        tell(served.api, "mail.stored")

        wait_until(lambda: fields(stream).get("id", begin) != begin, 60, "another cursor")


def test_there_are_only_so_many_streams(served: Served) -> None:
    served.api.app.config["STREAMS"]._most = 2
    one, two = served.stream(), served.stream()

    refused = served.stream()

    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert json.loads(refused.read())["code"] == "try_later"
    # Who hangs up leaves room for another.
    one.close()
    wait_until(lambda: served.open() == 1, 60, "the first one to be missed")
    assert served.stream().status == two.status == 200


def test_a_stream_is_refused_before_it_begins(served: Served) -> None:
    expired = served.stream("?after=WyJvdGhlciIsNV0")
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("HEAD", "/v1/events/stream")
        head = connection.getresponse()
        head.read()

    assert (expired.status, expired.headers["Content-Type"]) == (410, "application/problem+json")
    assert served.stream(Host="evil.example").status == 403
    assert served.stream(**{"X-Real-IP": "1.2.3.4"}).status == 401
    assert (head.status, served.open()) == (200, 0)


def test_streams_end_with_the_api(served: Served) -> None:
    with closing(served.stream()) as stream:
        fields(stream)
        served.stop.set()

        # An end in order: http.client raises for one that is cut off.
        assert stream.read() == b""
        served.thread.join()


def test_who_reads_nothing_costs_no_memory_and_is_dropped(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(served.api, *["mail.stored"] * 400, text="x" * 40_000)
    start = served.api.get("/v1/events?limit=1&fields=id")["next_cursor"]
    served.stream(f"?after={start}")

    wait_until(lambda: any(each.unsent for each in _open(served)), 60, "the client to lag")
    assert sum(len(each.unsent) for each in _open(served)) < 2 * streams.PAGE * 40_000
    monkeypatch.setattr(streams, "STALLED_SECONDS", 0.0)
    wait_until(lambda: served.open() == 0, 60, "the stalled one to be dropped")


def _open(served: Served) -> list[Any]:
    reader = served.api.app.config["STREAMS"]._reader
    return list(reader._open) if reader else []


def test_a_stream_lasts_only_so_long(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST_SECONDS", 0.0)

    with closing(served.stream()) as stream:
        assert fields(stream)["retry"]
        assert stream.read() == b""


def test_without_a_server_that_keeps_it_open_a_stream_tells_what_is_there(api: Caller) -> None:
    tell(api, "mail.stored", "run.finished")
    first = api.get("/v1/events?limit=1")["next_cursor"]

    told = api.client.get(f"/v1/events/stream?after={first}").text

    assert "event: run.finished" in told
    assert "mail.stored" not in told


def test_mail_comes_in_while_streams_are_open_and_exports_stall(
    api: Caller, free_port: int
) -> None:
    api.hello()
    api.deliver(*(api.delivery(uid, mail_bytes(uid, "x" * 2_000_000)) for uid in range(1, 16)))
    turns = api.app.config["EXPORTS"]
    # One thread beside those of the exports.
    with serving(api, free_port, threads=1 + turns.most) as served, ExitStack() as stalled:
        opened = [served.stream() for _ in range(50)]
        for _ in range(turns.most):
            stalled.enter_context(_asks(free_port, "/v1/mails.jsonl"))
        wait_until(lambda: not turns.free._value, 60, "the exports to begin")
        wait_until(lambda: served.open() == 50, 60, "fifty streams")

        status = _status(free_port, "POST", "/api", [{"subject": "in between"}])

        assert status == 200
        assert [following(each, 1)[0]["event"] for each in opened] == ["mail.stored"] * 50
        assert _status(free_port, "GET", "/v1/mails.csv") == 503
        assert not turns.free._value


def _asks(port: int, path: str) -> socket.socket:
    """A client that asks and never reads."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return s


def _status(port: int, method: str, path: str, value: Any = None) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        body = None if value is None else json.dumps(value)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            answer.read()
        return answer.status


def test_an_export_whose_client_stopped_reading_is_cut_off(
    api: Caller, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STALLED_SECONDS", 0.1)
    api.hello()
    api.deliver(*(api.delivery(uid, mail_bytes(uid, "x" * 2_000_000)) for uid in range(1, 16)))
    turns = api.app.config["EXPORTS"]

    with serving(api, free_port, threads=2), _asks(free_port, "/v1/mails.jsonl"):
        wait_until(lambda: turns.free._value < turns.most, 60, "the export to begin")

        wait_until(lambda: turns.free._value == turns.most, 60, "the export to end")
