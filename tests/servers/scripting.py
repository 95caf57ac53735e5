"""An API with scripts, and runners as processes of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.servers.daemons import Daemons, Sections
from tests.waiting import wait_until

OVER = ("completed", "error")


class Scripting(Daemons):
    """An API; runners are started by the tests."""

    def __init__(
        self,
        folder: Path,
        mailboxes: Any = None,
        queue: str = "",
        pages: Sections | None = None,
        **runner: Any,
    ) -> None:
        options = {"isolation": "none", "poll_seconds": 0.2, **runner}
        watched = {f"page {name}": told for name, told in (pages or {}).items()}
        super().__init__(folder, mailboxes or {}, {"runner": options, **watched})
        if queue:
            self.environment["POSTROOM_RUNNER_QUEUE"] = queue
        self.start("api")

    def script(self, name: str, source: str, **told: Any) -> None:
        """Make a script."""
        self.order("/v1/scripts", {"name": name, "source": source, **told})

    def hand(self, name: str, **told: Any) -> int:
        """Run it by hand; the run's id."""
        return int(self.order(f"/v1/scripts/{name}/run", told)["id"])

    def run(self, id_: int) -> dict[str, Any]:
        """A run as it is now."""
        return dict(self.get(f"/v1/runs/{id_}"))

    def over(self, id_: int, seconds: float = 90) -> dict[str, Any]:
        """A run once it is over."""
        wait_until(lambda: self.run(id_)["status"] in OVER, seconds, f"run {id_} to be over")
        return self.run(id_)

    def running(self, id_: int) -> dict[str, Any]:
        """A run once it has written its first line."""
        wait_until(lambda: self.run(id_)["log"]["out"], 90, f"run {id_} to write")
        return self.run(id_)

    def text(self, id_: int, stream: str = "out") -> str:
        """What it wrote."""
        return str(self.get(f"/v1/runs/{id_}/log?stream={stream}")["text"])

    def output(self, id_: int) -> str:
        """Its output."""
        answer = self.get(f"/v1/runs/{id_}/output")
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def all_over(self, ids: Sequence[int], seconds: float = 120) -> list[dict[str, Any]]:
        """Runs once all of them are over."""

        def found() -> list[dict[str, Any]]:
            rows = self.items("/v1/runs?fields=id,status,attempt,worker,error")
            return [row for row in rows if row["id"] in ids and row["status"] in OVER]

        wait_until(lambda: len(found()) == len(ids), seconds, "all runs to be over")
        return found()
