"""Starts OpenStack Swift with its s3api: one node on free loopback ports, in one folder."""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from tests.documents import ROOT
from tests.servers import swift_clock
from tests.servers.forked import MEASURED
from tests.servers.ports import HOST, free_port, is_open, wait_free
from tests.servers.swift import ACCESS_KEY, SECRET_KEY, Swift

#: Those that keep something, each on a port of its own behind the proxy.
KEEPERS = ("account", "container", "object")
START_SECONDS = 60

COMMON = """
[DEFAULT]
bind_ip = {host}
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}/etc
log_level = WARNING
log_address = {folder}/no-syslog
"""
KEEPER = """
devices = {folder}/node
mount_check = false
db_preallocation = off
fallocate_reserve = 0
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""
FILTERS = [
    "catch_errors", "gatekeeper", "listing_formats", "s3api", "tempauth", "bulk", "copy", "slo",
    "dlo", "versioned_writes", "symlink",
]  # fmt: skip
PROXY = f"""
[pipeline:main]
pipeline = {" ".join(FILTERS)} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
""" + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in FILTERS)
OPTIONS = {
    "s3api": """location = us-east-1
min_segment_size = 5242880
allow_no_owner = true
check_bucket_owner = false
""",
    "tempauth": f"user_{ACCESS_KEY.replace(':', '_')} = {SECRET_KEY} .admin\n",
    "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true\n",
}
SWIFT = """
[swift-hash]
swift_hash_path_suffix = {suffix}
[storage-policy:0]
name = only
default = yes
policy_type = replication
"""


class SwiftFront(Swift):
    """A proxy that we start and may stop, before the keepers of a node that runs.

    What was stored stays over stop() and start().
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, free_port())
        name = f"proxy-{self.port}"
        _configure(folder, name, self.port, _proxy())
        #: Which servers are ours.
        self._ports = {name: self.port}
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> Self:
        """Return when all listen."""
        self._processes = [_started(self.folder, name) for name in self._ports]
        end = time.monotonic() + START_SECONDS
        for port in self._ports.values():
            while not is_open(port):
                dead = any(process.poll() is not None for process in self._processes)
                if dead or time.monotonic() > end:
                    raise RuntimeError(f"Swift does not start:\n{self.log()}")
                time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End all at once, as a power cut would."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()
        self._processes.clear()
        wait_free([*self._ports.values()])

    def cleanup(self) -> None:
        """Stop it for good."""
        self.client.close()
        self.stop()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Away while the block runs."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def log(self) -> str:
        """What the servers wrote of themselves."""
        files = sorted(self.folder.glob("*.log"))
        return "".join(f"{file.stem}: {file.read_text(errors='replace')}" for file in files)


class OwnSwift(SwiftFront):
    """A whole node that we start and may stop."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="swift-"))
        for name in ("etc", "node/d1"):
            (folder / name).mkdir(parents=True)
        (folder / "etc/swift.conf").write_text(SWIFT.format(suffix=swift_clock.HASH_SUFFIX))
        super().__init__(folder)
        keepers = {name: free_port() for name in KEEPERS}
        for name, port in keepers.items():
            _configure(folder, name, port, KEEPER.format(folder=folder, name=name))
        _make_rings(folder, keepers)
        self._ports = {**keepers, **self._ports}

    def cleanup(self) -> None:
        """Stop and remove everything."""
        super().cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


def _started(folder: Path, name: str) -> subprocess.Popen[bytes]:
    program = f"swift-{name.partition('-')[0]}-server"
    command = [sys.executable, shutil.which(program, path=_scripts()) or program]
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [*command, str(_configuration(folder, name)), "--verbose"],
            env=_unmeasured(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _configuration(folder: Path, name: str) -> Path:
    return folder / "etc" / f"{name}-server.conf"


def _configure(folder: Path, name: str, port: int, text: str) -> None:
    common = COMMON.format(host=HOST, port=port, user=getpass.getuser(), folder=folder)
    _configuration(folder, name).write_text(common + text)


def _proxy() -> str:
    text = PROXY
    for name, options in OPTIONS.items():
        text = text.replace(f"use = egg:swift#{name}\n", f"use = egg:swift#{name}\n{options}")
    return text


def _make_rings(folder: Path, ports: dict[str, int]) -> None:
    pairs = [f"{name}={port}" for name, port in ports.items()]
    command = [sys.executable, "-m", "tests.servers.swift_rings", str(folder / "etc")]
    subprocess.run([*command, *pairs], env=_unmeasured(), cwd=ROOT, check=True)


def _unmeasured() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != MEASURED}


def _scripts() -> str:
    return str(Path(sys.executable).parent)
