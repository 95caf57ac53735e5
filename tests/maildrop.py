"""A scripted maildrop of five mails, and the POP3 source that reads it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from provider.sources.pop3.folder import Pop3Folder
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.stubs.rig import Rig, mail, pop3


def five_mails() -> ScriptedPop3:
    """Their UIDLs are id1 to id5."""
    return ScriptedPop3({f"id{number}": mail(number) for number in range(1, 6)})


@contextmanager
def opened(server: ScriptedPop3, **options: object) -> Iterator[Pop3Folder]:
    with closing(pop3(server, timeout_seconds=2, **options)) as source:
        source.connect()
        yield source.open("INBOX")


def is_whole(rig: Rig, server: ScriptedPop3) -> bool:
    return rig.master.raws() == sorted(server.mails.values())
