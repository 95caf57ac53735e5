"""A day's budget through the whole chain."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from tests.chain.conftest import account
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.stubs.rig import mail
from tests.waiting import wait_until


def has_stopped(chain: Daemons, times: int) -> bool:
    return chain.log("provider").count("is spent") == times


def test_the_budget_outlives_the_provider_and_is_shown(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    dovecot.deliver("work", [mail(number, b"x" * 400_000 + b"\r\n") for number in range(5)])
    chain = daemons({"work": account(dovecot, day_megabytes=1)})
    chain.start("api", "master")

    for times in (1, 2):
        chain.provide("work")
        wait_until(partial(has_stopped, chain, times), 30)
        wait_until(lambda: chain.get("/v1/mailboxes/work")["error"])
        shown = chain.get("/v1/mailboxes/work")
        assert chain.terminate("provider") == 0

        assert "budget of 1 MB is spent" in shown["error"]
        next_try = datetime.fromisoformat(shown["next_try"])
        # Unless this very moment is midnight.
        assert next_try > datetime.now(UTC)
        assert len(chain.hashes()) == 2
        assert shown["last_receipt"]["missing"] == 3
