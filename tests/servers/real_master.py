"""A real master with real workers in front of a stub API, for the tests of the front."""

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from postroom import wire
from postroom.sockets import ClientKeys, Lanes
from tests.servers import commands, deadly_parser, forked, processes
from tests.servers.ports import free_port
from tests.servers.stub_api import StubApi
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PLACE: dict[str, Any] = {"epoch": 1, "folder": "INBOX", "uidvalidity": 7}
HELLO = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")


def variables(folder: Path) -> dict[str, str]:
    """What puts the deadly parser into every Python that is started."""
    return {**forked.importing("deadly"), deadly_parser.FOLDER: str(folder)}


def environment(folder: Path) -> dict[str, str]:
    """The whole environment of one."""
    return forked.found({**os.environ, **variables(folder)})


class RealMaster:
    """`start` it; what the master says is in `log()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.api = StubApi()
        self.port = free_port()
        self.stop = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        #: What its command line is put behind.
        self.prefix: Sequence[str] = ()
        self._lanes: list[Lanes] = []
        self._log = folder / "log"

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        return self.folder / "config.ini"

    def configure(self, **master: Any) -> "RealMaster":
        lines = [f"{key} = {value}" for key, value in {"port": self.port, **master}.items()]
        api = f"[api]\nport = {self.api.port}\n"
        self.config.write_text("\n".join(["[master]", *lines, api]))
        return self

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the process, wait for nothing."""
        words = ["--config", str(self.config)]
        with self._log.open("ab") as log:
            if self.prefix:
                line = [*self.prefix, *commands.command("master", *words)]
                env = environment(self.folder)
                self.process = subprocess.Popen(line, stderr=log, cwd=self.folder, env=env)
            else:
                own = variables(self.folder)
                self.process = forked.start("master", words, self.folder, own, None, log)
        return self.process

    def start(self, **master: Any) -> "RealMaster":
        self.configure(**master).launch()
        self.await_log("listening on")
        return self

    def close(self) -> None:
        self.stop.set()
        for lanes in self._lanes:
            lanes.close()
        if self.process:
            for pid in self.workers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.api.close()

    def lanes(self, *, keys: ClientKeys | None = None, **options: Any) -> Lanes:
        given = {"lanes": 2, "reconnect_seconds": 0.5, **options}
        self._lanes.append(Lanes(self.address, stop=self.stop, keys=keys, **given))
        return self._lanes[-1]

    def log(self) -> str:
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def await_log(self, text: str, times: int = 1, seconds: float = 20) -> None:
        def found() -> bool:
            if self.process and self.process.poll() is not None and text not in self.log():
                raise AssertionError(f"the master ended early:\n{self.log()}")
            return self.log().count(text) >= times

        wait_until(found, seconds, f"{text!r} in the log")

    def parsed(self) -> list[str]:
        """Subjects, one for each time a parser was given a mail."""
        file = self.folder / "parsed"
        return file.read_text().splitlines() if file.exists() else []

    def open_gate(self) -> None:
        (self.folder / "gate").touch()

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        assert self.process
        return processes.children(self.process.pid)

    def peak_megabytes(self) -> float:
        """The most memory that the front ever had."""
        assert self.process
        return processes.peak_megabytes(self.process.pid)


def push(
    *subjects: str, first: int = 1, mailbox: str = "work", serial: int | None = None
) -> tuple[wire.Push, list[bytes]]:
    """A push of small mails, keys rising from `first`."""
    bodies = [f"Subject: {subject}\r\n\r\nbody\r\n".encode() for subject in subjects]
    items = [wire.Item(key=key, length=len(body)) for key, body in enumerate(bodies, first)]
    serials: dict[str, Any] = {} if serial is None else {"serial": serial}
    return wire.Push(mailbox=mailbox, items=items, **PLACE, **serials), bodies


def deliver(lanes: Lanes, request: wire.Push, bodies: Sequence[bytes]) -> dict[Any, wire.ItemReply]:
    """As a provider does: offer again what is to be tried again, until all is settled."""
    settled: dict[Any, wire.ItemReply] = {}
    left = list(zip(request.items, bodies, strict=True))
    while left:
        again = wire.Push(mailbox=request.mailbox, items=[item for item, _ in left], **PLACE)
        reply = lanes.submit(again, [body for _, body in left]).result(60)
        if isinstance(reply, wire.PushReply):
            settled |= {item.key: item for item in reply.items if item.status != "retry"}
        else:
            assert isinstance(reply, wire.Retry)
        left = [(item, body) for item, body in left if item.key not in settled]
    return settled
