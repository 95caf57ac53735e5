"""The daemons as a user starts them: processes of their own, a config.ini, free ports."""

import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.documents import ROOT
from tests.servers import forked
from tests.servers.ports import HOST, free_port
from tests.waiting import wait_until

#: On a machine that has much else to do; who is ready sooner is waited for no longer.
START_SECONDS = 90.0
END_SECONDS = 60.0
Sections = Mapping[str, Mapping[str, Any]]


class Daemons:
    """One API, one master, and providers for the mailboxes that are given."""

    def __init__(self, folder: Path, mailboxes: Sections, sections: Sections | None = None) -> None:
        self.folder = folder
        self.api_port, self.master_port = free_port(), free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        #: Variables that daemons get beside those of the tests.
        self.environment: dict[str, str] = {}
        given = {name: dict(values) for name, values in (sections or {}).items()}
        given.setdefault("api", {})["port"] = self.api_port
        given.setdefault("master", {})["port"] = self.master_port
        given["master"].setdefault("workers", 1)
        for section in ("provider", "monitor"):
            given.setdefault(section, {}).setdefault("reconnect_seconds", 0.5)
        self.configure(mailboxes, given)

    def configure(self, mailboxes: Sections, sections: dict[str, dict[str, Any]]) -> None:
        """Write config.ini and the credentials."""
        table = {}
        for name, options in mailboxes.items():
            rest = dict(options)
            table[name] = {k: rest.pop(k) for k in ("username", "password") if k in rest}
            sections[f"mailbox {name}"] = rest
        (self.folder / "config.ini").write_text(_ini(sections))
        file = self.folder / "imap_credentials.py"
        file.touch(mode=0o600)
        file.write_text(f"mailboxes = {table!r}\n")

    def add(self, section: str, **values: Any) -> None:
        """Set more keys of a section that config.ini has."""
        file = self.folder / "config.ini"
        lines = "\n".join(f"{key} = {value}" for key, value in values.items())
        text = file.read_text().replace(f"[{section}]\n", f"[{section}]\n{lines}\n")
        file.write_text(text)

    def start(self, *daemons: str) -> None:
        """Start the API or the master, or both, and wait until they are ready."""
        for name in daemons:
            self._run(name, name)
        for name in daemons:
            ready = self.api_answers if name == "api" else self.master_listens
            wait_until(ready, START_SECONDS, f"{name} to be ready: {self.folder}/{name}.log")

    def provide(self, *arguments: str, name: str = "provider") -> subprocess.Popen[bytes]:
        """Start a provider and return its process."""
        return self._run(name, "provider", *arguments)

    def watch(self, *arguments: str, name: str = "monitor") -> subprocess.Popen[bytes]:
        """Start a monitor and return its process."""
        return self._run(name, "monitor", *arguments)

    def run_scripts(self, name: str = "runner") -> subprocess.Popen[bytes]:
        """Start a runner and return its process."""
        return self._run(name, "runner")

    def look(self, *arguments: str, name: str = "look", seconds: float = 120) -> int:
        """One look at each page; the monitor's exit status."""
        return self.watch("--once", *arguments, name=name).wait(timeout=seconds)

    def pull(self, *names: str, seconds: float = 120) -> None:
        """One complete pass of the mailboxes, all of them without a name."""
        process = self.provide(*names, "--once", name="pull")
        if status := process.wait(timeout=seconds):
            raise AssertionError(f"provider --once ended with {status}:\n{self.log('pull')}")

    def _run(self, name: str, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = forked.start(
                module,
                ["--config", str(self.folder / "config.ini"), *arguments],
                self.folder,
                self.environment,
                log,
                log,
            )
        return self.processes[name]

    def check(self, module: str) -> list[dict[str, Any]]:
        """What a daemon's --check --json finds."""
        arguments = ["--config", str(self.folder / "config.ini"), "--check", "--json"]
        done = forked.run(module, arguments, ROOT)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def kill(self, name: str) -> None:
        """As the kernel does when memory is out."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def terminate(self, name: str) -> int:
        """Ask it to end; its exit status."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(timeout=END_SECONDS)

    def close(self) -> None:
        """End all that runs."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def log(self, name: str) -> str:
        """What a daemon wrote so far."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def get(self, path: str, **headers: str) -> Any:
        """The answer of the API to a GET."""
        asked = urllib.request.Request(f"http://{HOST}:{self.api_port}{path}", headers=headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            body = answer.read()
        is_json = answer.headers["Content-Type"].partition(";")[0].endswith(("/json", "+json"))
        return json.loads(body) if is_json else body

    def order(self, path: str, value: Any, method: str = "POST") -> Any:
        """The same with the admin token."""
        token = (self.folder / "data/admin.token").read_text().strip()
        return self.post(path, value, method, Authorization=f"Bearer {token}")

    def post(self, path: str, value: Any, method: str = "POST", **headers: str) -> Any:
        """The answer of the API to a POST of JSON."""
        request = urllib.request.Request(
            f"http://{HOST}:{self.api_port}{path}",
            json.dumps(value).encode(),
            {"Content-Type": "application/json", **headers},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())

    def items(self, path: str) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        found: list[dict[str, Any]] = []
        sign = "&" if "?" in path else "?"
        cursor = ""
        while True:
            page = self.get(f"{path}{sign}limit=500{cursor}")
            found += page["items"]
            if not page.get("has_more"):
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def hashes(self) -> list[str]:
        """The SHA-256 of every stored mail."""
        return [item["sha256"] for item in self.items("/v1/mails")]

    def last_receipt(self, mailbox: str = "work") -> dict[str, Any]:
        """The newest receipt of a mailbox."""
        receipts = self.get(f"/v1/mailboxes/{mailbox}/receipts?limit=1")["items"]
        return dict(receipts[0]) if receipts else {}

    def api_answers(self) -> bool:
        """Whether the API is up."""
        try:
            return bool(self.get("/health"))
        except (OSError, urllib.error.URLError):
            return False

    def master_listens(self) -> bool:
        """Whether the master says that it listens."""
        return "listening" in self.log("master")


def _ini(sections: Sections) -> str:
    lines = []
    for title, values in sections.items():
        lines += [f"[{title}]", *(f"{key} = {value}" for key, value in values.items()), ""]
    return "\n".join(lines)
