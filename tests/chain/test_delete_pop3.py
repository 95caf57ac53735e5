"""The safe delete over POP3: compared and deleted in one session, and QUIT's answer counts."""

from collections.abc import Callable, Iterator

import pytest

from tests.chain.mails import mails
from tests.chain.tools import deletions, of, pulled, told, tool
from tests.long import one_in
from tests.servers.daemons import Daemons
from tests.servers.scripted_pop3 import ScriptedPop3

Make = Callable[..., Daemons]


@pytest.fixture
def pop3() -> Iterator[ScriptedPop3]:
    server = ScriptedPop3({f"u{number}": raw for number, raw in enumerate(mails(5), 1)}).start()
    yield server
    server.close()


def test_pop3_mails_are_compared_and_deleted_in_one_session(
    pop3: ScriptedPop3, daemons: Make
) -> None:
    chain = pulled(daemons, of(pop3))

    assert tool(chain, "delete", "work", "--yes").status == 0

    assert pop3.mails == {}
    session = pop3.commands[[n for n, c in enumerate(pop3.commands) if c.startswith("PASS")][-1] :]
    kinds = [command.split(" ")[0] for command in session]
    assert kinds.count("DELE") == 5
    assert kinds.index("TOP") < kinds.index("DELE") < kinds.index("QUIT")
    assert told(chain) == ["u1", "u2", "u3", "u4", "u5"]


def test_pop3_mail_removed_meanwhile_shifts_no_other(pop3: ScriptedPop3, daemons: Make) -> None:
    chain = pulled(daemons, of(pop3))
    del pop3.mails["u1"]
    pop3.mails["late"] = mails(1, first=70)[0]

    assert tool(chain, "delete", "work", "--yes", "--json").json["deleted"] == 4

    assert list(pop3.mails) == ["late"]


def test_pop3_the_first_mail_that_differs_ends_it(pop3: ScriptedPop3, daemons: Make) -> None:
    chain = pulled(daemons, of(pop3))
    pop3.mails["u3"] = pop3.mails["u3"].replace(b"Subject: mail 3", b"Subject: else 3")

    assert "mail u3" in tool(chain, "delete", "work", "--yes").err

    assert list(pop3.mails) == ["u3", "u4", "u5"]


def test_pop3_without_top_whole_mails_are_compared(pop3: ScriptedPop3, daemons: Make) -> None:
    pop3.capabilities = ["UIDL", "USER"]
    pop3.unknown = {"TOP"}
    chain = pulled(daemons, of(pop3))
    pop3.mails["u2"] += b"more\r\n"

    said = tool(chain, "delete", "work", "--yes")

    assert "other bytes" in said.err
    assert list(pop3.mails) == ["u2", "u3", "u4", "u5"]
    assert {row["proof"] for row in deletions(chain)} == {"same_bytes"}


@pytest.mark.parametrize(
    ("answer", "deletes", "state"),
    one_in(
        3,
        [
            ("", True, "deleted"),
            ("-ERR some were not removed", True, "deleted"),
            ("", False, "kept"),
            ("-ERR some were not removed", False, "kept"),
        ],
    ),
)
def test_pop3_an_answer_to_quit_that_is_lost_or_no_yes_is_looked_into(
    pop3: ScriptedPop3, daemons: Make, answer: str, deletes: bool, state: str
) -> None:
    chain = pulled(daemons, of(pop3))
    pop3.quits, pop3.deletes, pop3.lingers = [answer], deletes, 2

    said = tool(chain, "delete", "work", "--yes")

    assert said.status == (0 if deletes else 1)
    assert {row["state"] for row in deletions(chain)} == {state}
    assert len(told(chain)) == (5 if deletes else 0)


def test_pop3_without_uidl_whole_mails_are_compared(pop3: ScriptedPop3, daemons: Make) -> None:
    pop3.capabilities = ["TOP", "USER"]
    pop3.unknown = {"UIDL"}
    chain = pulled(daemons, of(pop3))
    pop3.mails["u1"] = pop3.mails["u1"].replace(b"hello", b"jello")

    said = tool(chain, "delete", "work", "--yes")

    assert "other bytes" in said.err
    assert len(pop3.mails) == 5
