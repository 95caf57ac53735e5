"""What failed is tried again, and what is stored is read again by a new parser."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import mail
from tests.waiting import wait_until


def with_attachment(subject: str) -> bytes:
    head = f"Subject: {subject}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    parts = (
        "--b\r\n\r\nwords\r\n--b\r\nContent-Disposition: attachment; filename=old.txt\r\n\r\nx\r\n"
    )
    return f"{head}{parts}--b--\r\n".encode()


@pytest.fixture
def chain(daemons: Callable[..., Daemons], tmp_path: Path) -> Daemons:
    """API and master, not started; the mailbox `work` is a Maildir; the parser is of version 1."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    mailboxes = {"work": {"source": "maildir", "path": tmp_path / "Maildir"}}
    made = daemons(mailboxes, {"master": {"deadline_seconds": 2}})
    made.environment = {**forked.importing("mending"), "POSTROOM_TEST_PARSER": "1"}
    return made


@pytest.fixture
def filled(chain: Daemons, tmp_path: Path) -> Callable[..., Daemons]:
    """Starts the chain with mails of these subjects."""

    def fill(*subjects: str) -> Daemons:
        for number, subject in enumerate(subjects):
            file = tmp_path / "Maildir" / "cur" / f"{number:03}.host:2,S"
            file.write_bytes(with_attachment(subject))
        chain.start("api", "master")
        chain.pull()
        return chain

    return fill


def mend(chain: Daemons) -> None:
    """The master comes again with version 2 of the parser."""
    chain.terminate("master")
    (chain.folder / "master.log").unlink()
    chain.environment["POSTROOM_TEST_PARSER"] = "2"
    chain.start("master")


def task(chain: Daemons, id_: int) -> dict[str, Any]:
    """A task that is done."""

    def done() -> dict[str, Any] | None:
        found = next(each for each in chain.items("/v1/tasks") if each["id"] == id_)
        return found if found["state"] == "done" else None

    found = wait_until(done, 30, f"task {id_} to be done")
    assert found
    return found


def reparse(chain: Daemons) -> "subprocess.Popen[bytes]":
    chain.environment["POSTROOM_TEST_PARSER"] = "2"
    return chain._run("reparse", "master", "reparse")


def subjects(chain: Daemons, query: str = "") -> list[str]:
    return sorted(item["subject"] for item in chain.items(f"/v1/mails{query}"))


def events(chain: Daemons, kind: str) -> list[dict[str, Any]]:
    return [event for event in chain.items("/v1/events") if event["kind"] == kind]


def test_what_the_mended_parser_can_read_leaves_quarantine(filled: Callable[..., Daemons]) -> None:
    chain = filled("mail one", "mail BROKEN")
    (aside,) = chain.items("/v1/quarantine?stage=parse&mailbox=work")
    mend(chain)

    asked = chain.post(f"/v1/quarantine/{aside['id']}/retry", {})

    assert asked["kind"] == "parse"
    assert task(chain, asked["task"])["result"] == "stored"
    assert chain.items("/v1/quarantine") == []
    assert subjects(chain, "?q=broken") == ["letter BROKEN"]
    (found,) = chain.items("/v1/mails?q=broken&defect=bad_date")
    assert found.pop("snippets")["subject"] == [["letter ", False], ["BROKEN", True]]
    whole = chain.get(f"/v1/mails/{found['id']}")
    assert [place["state"] for place in whole["places"]] == ["stored"]
    assert chain.get("/v1/mails?has=defect&limit=5")["items"] == [found]


def test_what_fails_again_stays_with_one_try_more(filled: Callable[..., Daemons]) -> None:
    chain = filled("mail LOST")
    (aside,) = chain.items("/v1/quarantine")

    asked = chain.post(f"/v1/quarantine/{aside['id']}/retry", {})

    assert task(chain, asked["task"])["result"].startswith("quarantined: ValueError")
    (again,) = chain.items("/v1/quarantine")
    assert (again["id"], again["attempts"]) == (aside["id"], aside["attempts"] + 1)


def test_what_kills_its_worker_is_given_up_and_mail_goes_on(
    filled: Callable[..., Daemons], tmp_path: Path
) -> None:
    chain = filled("mail BROKEN KILL")
    mend(chain)
    (aside,) = chain.items("/v1/quarantine")

    asked = chain.post("/v1/quarantine/1/retry", {})
    (tmp_path / "Maildir" / "cur" / "100.host:2,S").write_bytes(with_attachment("new mail"))
    chain.pull()

    assert "new letter" in subjects(chain)
    assert "did not come back" in task(chain, asked["task"])["result"]
    (again,) = chain.items("/v1/quarantine")
    assert again["attempts"] == aside["attempts"] + 1


def test_all_that_a_filter_selects_is_tried_again(filled: Callable[..., Daemons]) -> None:
    chain = filled(*(f"mail BROKEN {number}" for number in range(30)), "mail fine")
    mend(chain)

    assert chain.post("/v1/quarantine/retry?stage=fetch", {}) == {"tasks": 0, "superseded": 0}
    asked = chain.post("/v1/quarantine/retry?stage=parse&mailbox=work", {})
    again = chain.post("/v1/quarantine/retry", {})

    assert asked == {"tasks": 30, "superseded": 0}
    assert again["tasks"] <= 30
    wait_until(lambda: not chain.items("/v1/quarantine"), 30, "an empty quarantine")
    assert len(subjects(chain, "?q=letter")) == 30
    assert len(events(chain, "mail.stored")) == 31


@pytest.fixture
def scripted() -> Iterator[ScriptedImap]:
    server = ScriptedImap({uid: mail(uid) for uid in range(1, 4)}).start()
    yield server
    server.close()


def test_a_refused_fetch_is_tried_again_through_the_provider(
    daemons: Callable[..., Daemons], scripted: ScriptedImap
) -> None:
    account = {"server": scripted.host, "port": scripted.port, "tls": "none"}
    options = {**account, "username": "work", "password": "work-secret"}
    chain = daemons({"work": options}, {"provider": {"heartbeat_seconds": 0.5}})
    scripted.forbidden = {2}
    chain.start("api", "master")
    chain.provide()
    (aside,) = wait_until(lambda: chain.items("/v1/quarantine"), 20, "the refusal")
    first = chain.post(f"/v1/quarantine/{aside['id']}/retry", {})
    assert task(chain, first["task"])["result"].startswith("refused")
    assert chain.items("/v1/quarantine")[0]["attempts"] == aside["attempts"] + 1
    scripted.forbidden = set()

    asked = chain.post(f"/v1/quarantine/{aside['id']}/retry", {})

    assert asked["kind"] == "fetch"
    assert task(chain, asked["task"])["result"] == "stored"
    assert chain.items("/v1/quarantine") == []
    assert len(chain.hashes()) == 3


def test_everything_is_read_again_by_a_new_version(filled: Callable[..., Daemons]) -> None:
    chain = filled("mail one", "mail same", "mail BROKEN", "mail LOST")
    given = chain.post("/api", [{"subject": "mail given", "text": "by a program"}])

    assert reparse(chain).wait(timeout=60) == 0

    assert given["items"][0]["status"] == "stored"
    assert subjects(chain) == ["", "letter BROKEN", "letter one", "mail given", "mail same"]
    assert subjects(chain, "?q=renamed") == ["letter BROKEN", "letter one"]
    assert subjects(chain, "?q=old") == ["mail same"]
    assert subjects(chain, "?q=one+mail") == []
    (told,) = events(chain, "mail.reparsed")
    assert told["about"]["changed"] == ["subject", "defects", "attachments"]
    (aside,) = chain.items("/v1/quarantine")
    assert (aside["reason"], aside["attempts"]) == ("ValueError: version 2 cannot read this", 2)
    assert "4 mails read by version 2: 2 changed, 1 same, 1 failed" in chain.log("reparse")
    assert "1 of 4" in chain.log("reparse") or "4 of 4" in chain.log("reparse")


def test_a_mail_that_kills_its_reader_keeps_its_record(filled: Callable[..., Daemons]) -> None:
    chain = filled("mail one", "mail KILL", "mail three")

    assert reparse(chain).wait(timeout=60) == 0

    assert subjects(chain) == ["letter one", "letter three", "mail KILL"]
    assert "killed or hung its reader twice" in chain.log("reparse")


def test_killed_in_the_middle_it_goes_on_where_it_was(
    filled: Callable[..., Daemons], tmp_path: Path
) -> None:
    chain = filled(*(f"mail number{number}" for number in range(220)))
    flag = tmp_path / "killed"
    chain.environment |= {
        **forked.importing("mending", "killing"),
        "POSTROOM_KILL_AT": "master.reparse:Reparse._hand_in:after:3",
        "POSTROOM_KILL_FLAG": str(flag),
    }

    assert reparse(chain).wait(timeout=60) == -9
    middle = len(subjects(chain, "?q=letter"))
    assert reparse(chain).wait(timeout=60) == 0

    assert flag.exists()
    assert (middle, len(subjects(chain, "?q=letter"))) == (150, 220)
    assert subjects(chain, "?q=mail") == []
    assert len(events(chain, "mail.reparsed")) == 220
    assert "70 mails read by version 2" in chain.log("reparse")
