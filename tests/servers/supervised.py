"""Daemons that are started again whenever one dies, until a mailbox is whole."""

import os
import random
import signal
import time
from collections.abc import Sequence

from tests.servers import processes
from tests.servers.daemons import Daemons


class Supervised:
    """What a supervisor does for a user: keep the API, the master and a provider running."""

    def __init__(self, daemons: Daemons) -> None:
        self.daemons = daemons
        self.restarts = 0

    def run_until_whole(self, seconds: float = 60, killer: "RandomKiller | None" = None) -> None:
        """Return when a provider has ended a pass with nothing missing and all kills are done."""
        end = time.monotonic() + seconds
        provider = self.daemons.provide("--once")
        while time.monotonic() < end:
            self.restarts += revive(self.daemons)
            if killer:
                killer.look(self.daemons)
            if provider.poll() is not None:
                if provider.returncode == 0 and (killer is None or killer.is_done):
                    return
                self.restarts += provider.returncode != 0
                provider = self.daemons.provide("--once")
            time.sleep(0.02)
        logs = "\n".join(self.daemons.log(name)[-2000:] for name in ("provider", "master", "api"))
        raise AssertionError(f"not whole after {seconds} s:\n{logs}")


def revive(daemons: Daemons) -> int:
    """Start the API and the master again where they died; how many did."""
    dead = [name for name in ("api", "master") if daemons.processes[name].poll() is not None]
    for name in dead:
        daemons.start(name)
    return len(dead)


class RandomKiller:
    """Kills a daemon, or a worker of the master, at random moments."""

    def __init__(
        self,
        kills: int,
        seed: int,
        pause: float = 0.3,
        names: Sequence[str] = ("api", "master", "worker", "provider"),
    ) -> None:
        self._random = random.Random(seed)
        self._pause = pause
        self._names = names
        self._next = time.monotonic() + pause
        self.left = kills
        self.killed: dict[str, int] = {}

    @property
    def is_done(self) -> bool:
        """Whether all kills were made."""
        return self.left == 0

    def look(self, daemons: Daemons) -> None:
        """Kill somebody when it is time."""
        if self.is_done or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._random.uniform(0.2, 1.8) * self._pause
        name = self._random.choice(self._names)
        pid = _pid(daemons, name, self._random)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.left -= 1
            self.killed[name] = self.killed.get(name, 0) + 1


def _pid(daemons: Daemons, name: str, chance: random.Random) -> int | None:
    if name != "worker":
        process = daemons.processes.get(name)
        return process.pid if process and process.poll() is None else None
    workers = processes.children(daemons.processes["master"].pid)
    return chance.choice(workers) if workers else None
