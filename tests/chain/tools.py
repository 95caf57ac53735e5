"""The mailbox commands as a user types them."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.servers import forked
from tests.servers.daemons import Daemons
from tests.servers.scripted_imap import ScriptedImap
from tests.servers.scripted_pop3 import ScriptedPop3

Make = Callable[..., Daemons]


class Said(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def tool(chain: Daemons, *words: str, **environment: str) -> Said:
    """Run `python -m provider WORDS` beside the daemons of that chain."""
    config = ["--config", str(chain.folder / "config.ini")]
    done = forked.run("provider", [*words, *config], chain.folder, environment)
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


def deletions(chain: Daemons, state: str = "") -> list[dict[str, Any]]:
    """The receipts of deletions in the mailbox `work`."""
    sign = f"?state={state}" if state else ""
    return chain.items(f"/v1/mailboxes/work/deletions{sign}")


def told(chain: Daemons) -> list[Any]:
    """The keys of the mails that events say were deleted at the source."""
    events = chain.items("/v1/events")
    return sorted(e["about"]["key"] for e in events if e["kind"] == "mail.deleted_at_source")


def of(server: ScriptedImap | ScriptedPop3, **more: object) -> dict[str, object]:
    """A mailbox section for a scripted server."""
    kind = "imap" if isinstance(server, ScriptedImap) else "pop3"
    given = {"source": kind, "server": server.host, "port": server.port, "tls": "none"}
    return {**given, "username": "work", "password": "secret", **more}


def pulled(make: Make, section: dict[str, object]) -> Daemons:
    """A chain that has brought all mail of the mailbox."""
    chain = make({"work": section})
    chain.start("api", "master")
    chain.pull()
    return chain
