"""A mailbox that is read for ever from a hostile server, and what must hold whatever it does."""

from typing import Any

from tests.servers import processes
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until

#: What this process, which plays the master and the server too, may grow by.
MOST_MEGABYTES = 300
#: No hazard may hang it for longer.
LIMIT_SECONDS = 30.0


class Hostile:
    """Five mails, all of which are to come; the faults are the server's attributes."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.server = ScriptedImap({uid: mail(uid) for uid in range(1, 6)}).start()
        processes.forget_peak()
        self._before = processes.peak_megabytes()

    @property
    def told(self) -> str:
        """All that the signs of life said was wrong."""
        return "\n".join(self.rig.master.errors)

    def serve(self, **options: Any) -> None:
        """Begin to read."""
        given = {"poll_seconds": 0.05, "timeout_seconds": 2, **options}
        self.rig.serve(imap(self.server, **given))

    def brings_all(self, *lost: bytes) -> None:
        """Every mail of the server and `lost`, which it had once: none is lost, none doubled."""
        expected = sorted({*self.server.mails.values(), *lost})
        if not self.rig.is_serving:
            self.serve()
        wait_until(lambda: self.rig.master.raws() == expected, LIMIT_SECONDS, "all mails")
        receipts = len(self.rig.master.receipts)
        wait_until(
            lambda: any(not r.missing for r in self.rig.master.receipts[max(0, receipts - 1) :]),
            LIMIT_SECONDS,
            "a receipt without gaps",
        )

    def close(self) -> None:
        """Look at what must hold, then end all."""
        alive = self.rig.is_alive
        grown = processes.peak_megabytes() - self._before
        self.rig.close()
        self.server.close()
        assert alive, "the mailbox is no longer read"
        assert set(self.rig.master.downloaded.values()) <= {1}, "a mail was stored twice"
        assert grown < MOST_MEGABYTES
