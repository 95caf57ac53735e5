"""CURVE through the whole chain, set up as an operator does it: by command and config.ini."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chain.mails import hashes, mails
from tests.documents import ROOT
from tests.long import one_in
from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.waiting import wait_until

OFFICE = {"key_file": "data/keys/office.key_secret", "server_key_file": "data/keys/server.key"}
STRANGER = {"key_file": "strange/office.key_secret", "server_key_file": "data/keys/server.key"}


def new_keys(folder: Path, name: str) -> None:
    """`python -m master keys new NAME`, where the settings of that folder say."""
    words = ["--config", str(folder / "config.ini"), "keys", "new", name]
    forked.run("master", words, ROOT).check_returncode()


@pytest.fixture
def chain(daemons: Callable[..., Daemons], tmp_path: Path) -> Daemons:
    """API and master, running, for a Maildir of three mails; the master takes strangers' calls."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    for number, raw in enumerate(mails(3)):
        (tmp_path / "Maildir" / "new" / f"{number}.host").write_bytes(raw)
    mailboxes = {"work": {"source": "maildir", "path": tmp_path / "Maildir"}}
    made = daemons(mailboxes, {"master": {"host": "0.0.0.0"}})
    made.add("provider", master=f"tcp://127.0.0.1:{made.master_port}")
    new_keys(made.folder, "office")
    made.start("api", "master")
    return made


def test_a_provider_with_an_allowed_key_brings_its_mail(chain: Daemons) -> None:
    chain.add("provider", **OFFICE)

    assert all(line["ok"] for line in chain.check("provider"))
    chain.pull()

    assert sorted(chain.hashes()) == hashes(mails(3))


@pytest.mark.parametrize("key", one_in(2, [STRANGER, {}]), ids=["a foreign key", "no key"])
def test_a_provider_without_an_allowed_key_gets_nothing_and_says_why(
    chain: Daemons, key: dict[str, str]
) -> None:
    strange = chain.folder / "strange"
    strange.mkdir()
    (strange / "config.ini").write_text("[master]\nkeys = .\n")
    new_keys(strange, "office")
    before = (chain.folder / "config.ini").read_text()
    chain.add("provider", **key)
    chain.provide()

    wait_until(
        lambda: "it does not accept our key" in chain.log("provider"), 30, "the provider's reason"
    )

    assert "says hello" not in chain.log("master")
    (configured,) = chain.get("/v1/mailboxes")["items"]
    assert (configured["state"], configured["seen"]) == ("new", None)
    assert "secret-key" not in chain.log("provider") + chain.log("master")
    # What was waiting comes as soon as the key is right.
    assert chain.terminate("provider") == 0
    (chain.folder / "config.ini").write_text(before)
    chain.add("provider", **OFFICE)
    chain.pull()
    assert sorted(chain.hashes()) == hashes(mails(3))


def test_a_key_that_is_taken_away_opens_no_new_connection(chain: Daemons) -> None:
    chain.add("provider", **OFFICE)
    chain.pull()
    (chain.folder / "data" / "keys" / "clients" / "office.key").unlink()

    def is_refused() -> bool:
        (line,) = [each for each in chain.check("provider") if each["name"] == "master"]
        return not line["ok"]

    # The master looks at its folder of keys now and then.
    wait_until(is_refused, 30, "the key to be refused")
