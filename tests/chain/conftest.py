"""The whole chain against a real Dovecot."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot

Account = dict[str, Any]


def account(dovecot: Dovecot, user: str = "work", **more: Any) -> Account:
    """What a mailbox section and the credentials say of a user of that Dovecot."""
    return {
        "server": "localhost",
        "port": dovecot.ports.imaps,
        "ca_file": dovecot.certificate,
        "username": user,
        "password": dovecot.users[user],
        **more,
    }


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Callable[..., Daemons]]:
    """Makes daemons, and ends them."""
    made: list[Daemons] = []

    def make(mailboxes: dict[str, Account], sections: Any = None) -> Daemons:
        folder = tmp_path / f"postroom{len(made)}"
        folder.mkdir()
        made.append(Daemons(folder, mailboxes, sections))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def chain(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> Daemons:
    """API and master, running, for the mailbox `work`."""
    running = daemons({"work": account(dovecot)})
    running.start("api", "master")
    return running
