"""What a webhook's sender accepts of receivers: signed bytes out, little in, nowhere private."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postroom.courier import ClaimedDelivery
from runner.sending import Result, Sender
from tests.documents import text
from tests.servers.bad_tls import BadTls
from tests.servers.receiver import Got, Receiver

SECRET = "whsec_0123456789"
DELIVERY = ClaimedDelivery(
    id=1, event=7, kind="mail.stored", attempt=2, body='{"id":7,"a":"\\u00e9"}'
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def send(url: str, stop: threading.Event | None = None, **more: Any) -> Result:
    sender = Sender(url, SECRET, stop or threading.Event(), **{"private": True, **more})
    try:
        return sender.send(3, DELIVERY)
    finally:
        sender.close()


def test_what_is_sent_is_verified_by_the_lines_of_the_document(receiver: Receiver) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", text("docs/webhooks.md"), re.S)
    known: dict[str, Any] = {}
    exec(example, known)  # noqa: S102 - our own document

    assert send(receiver.url) == Result(204)

    (got,) = receiver.got
    assert (got.event, got.attempt) == (7, 2)
    assert (got.headers["Postroom-Webhook"], got.headers["Postroom-Kind"]) == ("3", "mail.stored")
    assert got.body == DELIVERY.body.encode()
    assert known["is_genuine"](SECRET, got.headers, got.body)
    assert not known["is_genuine"]("another", got.headers, got.body)
    assert not known["is_genuine"](SECRET, got.headers, got.body + b" ")
    late = {**got.headers, "Postroom-Timestamp": "1000"}
    assert not known["is_genuine"](SECRET, late, got.body)


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "http://127.0.0.1:1/"}),
        (500, {}),
        (410, {}),
        (404, {}),
    ],
)
def test_all_but_2xx_has_failed(receiver: Receiver, answer: tuple[int, dict[str, str]]) -> None:
    receiver.answer = lambda _: answer

    result = send(receiver.url)

    assert (result.status, len(receiver.got)) == (answer[0], 1)
    assert str(answer[0]) in result.error
    assert "hidden" not in result.error


def test_a_receiver_may_ask_for_a_rest(receiver: Receiver) -> None:
    receiver.answer = lambda _: (503, {"Retry-After": "120"})
    assert send(receiver.url).after_seconds == 120


@pytest.mark.parametrize(("fault", "taken"), [("none", True), ("wrong host", False)])
def test_over_tls_only_who_is_certified_as_the_receiver_is_told(
    tmp_path: Path, fault: str, taken: bool
) -> None:
    bad = BadTls(tmp_path, fault)
    receiver = Receiver(bad.context)
    try:
        unknown = send(receiver.url)
        result = send(receiver.url, ca_file=str(tmp_path / "ca.pem"))
    finally:
        receiver.close()

    assert "certificate" in unknown.error
    assert (result == Result(204)) == taken
    assert ("certificate" in result.error) != taken
    assert "hidden-in-the-address" not in unknown.error + result.error
    assert len(receiver.got) == taken


def test_one_that_hangs_comes_to_an_end(receiver: Receiver) -> None:
    receiver.answer = receiver.hang
    result = send(receiver.url, seconds=0.3)
    assert result.status is None
    assert "hidden" not in result.error
    assert result.error


def test_what_is_stopped_ends_at_once(receiver: Receiver) -> None:
    stop = threading.Event()

    def answer(_: Got) -> tuple[int, dict[str, str]]:
        stop.set()
        return receiver.hang(_)

    receiver.answer = answer
    assert "ended" in send(receiver.url, stop).error


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254"])
def test_private_addresses_are_refused(host: str) -> None:
    result = send(f"http://{host}:9/hook?key=hidden", private=False)
    assert "not of the public internet" in result.error
    assert "webhook_private" in result.error
    assert "hidden" not in result.error


def test_a_name_is_looked_up_once_and_only_what_was_checked_is_connected_to(
    receiver: Receiver,
) -> None:
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    answers = [("203.0.113.0", port), ("127.0.0.1", port)]

    def rebinding(*_: Any, **__: Any) -> list[Any]:
        # The second question gets another answer.
        return [(2, 1, 6, "", answers.pop(0))]

    first = send(f"http://rebind.example:{port}/", private=False, seconds=0.3, resolve=rebinding)
    second = send(f"http://rebind.example:{port}/", private=False, seconds=0.3, resolve=rebinding)

    assert first.status is None
    assert second.error
    assert "not of the public internet" in second.error
    assert receiver.got == []


def test_a_long_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answer = lambda _: (200, {"Content-Length": str(10**12)})
    assert send(receiver.url, seconds=0.5).status is None


def test_where_nobody_is_the_address_is_not_told() -> None:
    assert "hidden" not in send("http://127.0.0.1:9/?key=hidden").error
