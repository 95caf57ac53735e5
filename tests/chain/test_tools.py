"""list, fetch, check and verify against a real Dovecot."""

import shutil
import socket
from collections.abc import Callable

import pytest

from tests.chain.conftest import Account, account
from tests.chain.mails import mails
from tests.chain.tools import tool
from tests.long import one_in
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.ports import free_port


def pop3_account(dovecot: Dovecot, user: str = "work") -> Account:
    return account(dovecot, user, source="pop3", port=dovecot.ports.pop3s)


KINDS = ["imap", "pop3", "maildir"]


@pytest.fixture(params=KINDS)
def each_kind(
    dovecot: Dovecot, daemons: Callable[..., Daemons], request: pytest.FixtureRequest
) -> Daemons:
    """Settings for the mailbox `work`, whatever it is read by; nothing runs."""
    dovecot.deliver("work", mails(5))
    kinds = {
        "imap": account(dovecot),
        "pop3": pop3_account(dovecot),
        "maildir": {"source": "maildir", "path": str(dovecot.maildir("work"))},
    }
    return daemons({"work": kinds[request.param]})


def test_the_newest_mails_are_listed_by_their_headers(each_kind: Daemons) -> None:
    said = tool(each_kind, "list", "work", "--limit", "2", "--json")

    assert said.status == 0
    assert [mail["subject"] for mail in said.json] == ["mail 4", "mail 5"]
    assert [mail["number"] for mail in said.json] == [4, 5]
    assert all(mail["size"] > 100 for mail in said.json)


def test_a_listing_begins_where_it_is_told_to(each_kind: Daemons) -> None:
    said = tool(each_kind, "list", "work", "--from", "3")

    assert [line.split("\t")[-1] for line in said.out.splitlines()] == [
        "mail 3",
        "mail 4",
        "mail 5",
    ]


def test_one_mail_is_printed_byte_for_byte(each_kind: Daemons) -> None:
    (key,) = tool(each_kind, "list", "work", "--limit", "1", "--quiet").out.split()

    file = each_kind.folder / "mail.eml"
    said = tool(each_kind, "fetch", "work", key, "--output", str(file), "--json")

    assert said.json["size"] == len(mails(5)[4])
    assert file.read_bytes() == mails(5)[4]
    assert file.stat().st_mode & 0o777 == 0o600
    assert tool(each_kind, "fetch", "work", key).out.encode() == mails(5)[4]


def test_bodies_are_not_read_to_list(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> None:
    dovecot.record("work")
    dovecot.deliver("work", mails(3))

    tool(daemons({"work": account(dovecot)}), "list", "work")

    fetched = [command for command in dovecot.commands("work") if "FETCH" in command]
    assert fetched
    assert all("BODY.PEEK[HEADER]" in command for command in fetched)


def test_a_subject_cannot_dress_up_a_terminal(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    dovecot.deliver("work", [b"Subject: =?utf-8?q?a=1B[31mred=0Ab?=\r\n\r\nx\r\n"])

    said = tool(daemons({"work": account(dovecot)}), "list", "work")

    assert "\x1b" not in said.out
    assert len(said.out.splitlines()) == 1


def test_an_unknown_key_is_said_and_a_file_is_not_overwritten(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    dovecot.deliver("work", mails(1))
    chain = daemons({"work": account(dovecot)})
    file = chain.folder / "there"
    file.write_text("mine")

    assert "no folder has a mail '77'" in tool(chain, "fetch", "work", "77").err
    assert tool(chain, "fetch", "work", "1", "--output", str(file)).status == 1
    assert tool(chain, "fetch", "work", "1", "--json").status == 2
    assert file.read_text() == "mine"


def test_an_unknown_mailbox_is_a_matter_of_settings(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    said = tool(daemons({"work": account(dovecot)}), "list", "nobody")

    assert (said.status, said.out) == (2, "")
    assert "no section [mailbox nobody]" in said.err


# --- check


@pytest.mark.parametrize("each_kind", one_in(3, KINDS), indirect=True)
def test_what_is_stored_and_unchanged_is_the_same(each_kind: Daemons) -> None:
    each_kind.start("api", "master")
    each_kind.pull()

    said = tool(each_kind, "check", "work", "--json")

    assert (said.status, said.json["differences"]) == (0, [])
    assert said.json["same"] == {"same_headers": 5}


def test_new_and_gone_mails_are_told(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(5))
    chain.pull()
    dovecot.expunge("work", [2])
    dovecot.deliver("work", mails(1, first=50))

    said = tool(chain, "check", "work", "--json")

    assert said.status == 1
    assert [(d["kind"], d["key"]) for d in said.json["differences"]] == [("gone", 2), ("new", 6)]
    quiet = tool(chain, "check", "work", "--quiet")
    assert (quiet.status, quiet.out) == (1, "")


def test_a_mail_in_another_folder_has_moved(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    dovecot.deliver("work", mails(3))
    dovecot.create("work", "Old")
    chain = daemons({"work": account(dovecot, folders="INBOX, Old")})
    chain.start("api", "master")
    chain.pull()
    dovecot.admin("move", "-u", "work", "Old", "mailbox", "INBOX", "uid", "1,2")

    before = tool(chain, "check", "work", "--json").json["differences"]
    chain.pull()
    after = tool(chain, "check", "work", "--json").json["differences"]

    assert [(d["kind"], d["folder"]) for d in before] == [("moved", "INBOX")] * 2
    assert {d["detail"] for d in before} == {"to Old, as 1", "to Old, as 2"}
    assert [d["detail"] for d in after] == ["it stands in Old as well"] * 2


def test_status_lines_do_not_count_and_other_headers_do(daemons: Callable[..., Daemons]) -> None:
    chain = daemons({"work": {"source": "maildir", "path": "Maildir"}})
    folder = chain.folder / "Maildir"
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    raws = mails(4)
    for n, raw in enumerate(raws):
        (folder / "new" / f"{n}.mail").write_bytes(raw)
    chain.start("api", "master")
    chain.pull()
    (folder / "new" / "0.mail").write_bytes(b"Status: RO\r\n" + raws[0])
    (folder / "new" / "1.mail").write_bytes(b"X-Label: seen\r\n" + raws[1])
    (folder / "new" / "2.mail").write_bytes(raws[2].replace(b"Subject: mail", b"Subject: other"))
    (folder / "new" / "3.mail").write_bytes(raws[3].replace(b"Message-ID: <", b"Message-ID: <x"))

    report = tool(chain, "check", "work", "--json").json

    assert report["same"] == {"same_without_status": 1, "common_headers": 1}
    assert [(d["kind"], d["key"], d["detail"]) for d in report["differences"]] == [
        ("changed", "2.mail", "other_headers"),
        ("changed", "3.mail", "other_message_id"),
    ]


def test_a_mailbox_of_which_nothing_is_stored_is_all_new(each_kind: Daemons) -> None:
    each_kind.start("api")

    report = tool(each_kind, "check", "work", "--json").json

    assert [d["kind"] for d in report["differences"]] == ["new"] * 5


def test_without_an_api_the_check_fails_with_a_reason(each_kind: Daemons) -> None:
    said = tool(each_kind, "check", "work")

    assert said.status == 1
    assert "does not answer" in said.err


# --- verify


def test_a_mailbox_that_works_is_verified(each_kind: Daemons) -> None:
    said = tool(each_kind, "verify", "work", "--json")

    assert (said.status, said.json["ok"], said.json["can_delete"]) == (0, True, True)
    assert [(f["folder"], f["mails"]) for f in said.json["folders"]] == [("INBOX", 5)]
    assert "all is well" in tool(each_kind, "verify", "work").out


def test_what_is_wrong_is_said_in_plain_words(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    good = account(dovecot)
    untrusted = {key: value for key, value in good.items() if key != "ca_file"}
    chain = daemons({
        "nowhere": {**good, "server": "no-such-host.invalid"},
        "refused": {**good, "port": free_port()},
        "untrusted": untrusted,
        "clear": {**good, "port": dovecot.ports.imap},
        "password": {**good, "password": "wrong"},
        "folder": {**good, "folders": "Nonsense"},
    })  # fmt: skip

    found = {}
    for name in ("nowhere", "refused", "untrusted", "clear", "password", "folder"):
        said = tool(chain, "verify", name, "--json")
        assert said.status == 1
        problem = said.json["problem"] or said.json["folders"][0]["problem"]
        found[name] = problem["code"]

    assert found == {
        "nowhere": "name_not_found",
        "refused": "refused",
        "untrusted": "certificate",
        "clear": "no_tls",
        "password": "password",
        "folder": "other",
    }
    assert "user name or password are wrong" in tool(chain, "verify", "password", "--quiet").err


def test_a_server_that_says_nothing_is_told_from_one_that_refuses(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        chain = daemons({"work": account(dovecot, port=port, timeout_seconds=0.5)})

        assert tool(chain, "verify", "work", "--json").json["problem"]["code"] == "no_answer"


def test_a_missing_maildir_is_said(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> None:
    dovecot.deliver("work", mails(1))
    path = dovecot.maildir("work")
    chain = daemons({"work": {"source": "maildir", "path": str(path)}})
    shutil.rmtree(path / "cur")

    assert "is no Maildir" in tool(chain, "verify", "work").err
