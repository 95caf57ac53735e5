"""A mailbox is verified on request, through API, master and provider, on a real Dovecot."""

from collections.abc import Callable
from typing import Any

from tests.chain.conftest import account
from tests.chain.mails import mails
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.waiting import wait_until


def _verified(chain: Daemons, name: str = "work") -> Any:
    asked = chain.order(f"/v1/mailboxes/{name}/verify", {})

    def done() -> list[dict[str, Any]]:
        tasks = chain.items("/v1/tasks")
        return [t for t in tasks if t["id"] == asked["task"] and t["state"] == "done"]

    wait_until(done, 60, "the mailbox to be verified")
    return done()[0]["result"]


def test_a_mailbox_is_verified_by_logging_in_anew(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    dovecot.deliver("work", mails(3))
    good = account(dovecot)
    chain = daemons({"work": good, "wrong": {**good, "password": "not this one"}})
    chain.start("api", "master")
    chain.provide("work")
    chain.provide("wrong", name="wrong")
    wait_until(lambda: len(chain.items("/v1/mailboxes")) == 2, 60, "both mailboxes")
    wait_until(lambda: chain.get("/v1/mailboxes/work")["last_receipt"], 60, "a receipt")
    dovecot.record("work")

    assert _verified(chain) == "connected and logged in; INBOX: 3 listed, 0 missing"
    assert dovecot.commands("work")  # What is recorded begins with a login.
    assert "user name or password are wrong" in _verified(chain, "wrong")
    asked = [each for each in chain.items("/v1/events") if each["kind"] == "source.asked"]
    assert [(each["source"], each["about"]["what"], each["about"]["by"]) for each in asked] == [
        ("work", "verify", "admin"),
        ("wrong", "verify", "admin"),
    ]


def test_a_running_api_shows_its_settings_and_no_secret(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    secret = dovecot.users["work"]
    chain = daemons({"work": account(dovecot)}, {"alarms": {"to": "ops@example.org"}})
    chain.start("api")
    token = (chain.folder / "data/admin.token").read_text().strip()

    page = chain.get("/settings", Authorization=f"Bearer {token}").decode()

    for each in ("postroom.sqlite", f":{chain.api_port}", "mails.sqlite", "ops@example.org"):
        assert each in page
    assert secret not in page
    assert token not in page
