"""What carries webhooks while the API is away."""

import logging
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from postroom.courier import ClaimedWebhook, ClaimWebhook
from postroom.errors import TemporaryError
from postroom.settings import Config, Runner
from runner.courier import Courier
from runner.shared import Shared
from tests.waiting import wait_until

THREADS = 8


class Away:
    """An API that nobody reaches, and how often it was tried."""

    def __init__(self) -> None:
        self.tried = 0

    def claim_webhook(self, _: ClaimWebhook) -> list[ClaimedWebhook]:
        self.tried += 1
        raise TemporaryError("the API is away", after=3_600)


def test_of_many_threads_one_waits_for_an_api_that_is_away_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, api, before = threading.Event(), Away(), threading.active_count()
    shared: Any = SimpleNamespace(
        options=Runner(webhook_workers=THREADS), stop=stop, client=api, worker="w"
    )
    with caplog.at_level(logging.WARNING):
        Courier(cast(Config, None), cast(Shared, shared)).start()
        wait_until(lambda: caplog.records, 60, "the warning")
        assert threading.active_count() == before + THREADS
        stop.set()
        wait_until(lambda: threading.active_count() == before, 60, "the end of the threads")

    assert (api.tried, caplog.messages) == (1, ["no webhooks are sent: the API is away"])
