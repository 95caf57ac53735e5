"""A real S3 server: OpenStack Swift with its s3api, one node on free loopback ports."""

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
from typing import Any, Self

import boto3
from botocore.config import Config

from tests.documents import ROOT
from tests.servers import swift_clock
from tests.servers.ports import HOST, free_port, is_open, wait_free

#: Those that keep something, each on a port of its own behind the proxy.
KEEPERS = ("account", "container", "object")
ACCESS_KEY = "test:tester"
SECRET_KEY = "testing-secret"
START_SECONDS = 20

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


class Swift:
    """What was stored stays over stop() and start(); cleanup() removes it."""

    access_key = ACCESS_KEY
    secret_key = SECRET_KEY
    bucket = "postroom"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="swift-"))
        self.port = free_port()
        self._ports = {name: free_port() for name in KEEPERS}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._prepare()
        #: boto3's own view of it.
        self.client = self._connected()

    @property
    def endpoint(self) -> str:
        """Where S3 is spoken."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> Self:
        """Return when all four servers listen."""
        for name in (*KEEPERS, "proxy"):
            self._processes.append(self._started(name))
        end = time.monotonic() + START_SECONDS
        for port in (*self._ports.values(), self.port):
            while not is_open(port):
                dead = any(process.poll() is not None for process in self._processes)
                if dead or time.monotonic() > end:
                    raise RuntimeError(f"Swift does not start:\n{self.log()}")
                time.sleep(0.02)
        return self

    def section(self, prefix: str, **options: str) -> str:
        """[storage s3] for a prefix of its own, with the smallest parts."""
        own = {"endpoint": self.endpoint, "bucket": self.bucket, "prefix": prefix}
        lines = {**own, "part_megabytes": "5", **options}
        return "\n".join(["[storage s3]", *(f"{k} = {v}" for k, v in lines.items()), ""])

    def environment(self) -> dict[str, str]:
        """What opens it; nothing else that boto3 could find counts."""
        own = {"POSTROOM_S3_ACCESS_KEY": ACCESS_KEY, "POSTROOM_S3_SECRET_KEY": SECRET_KEY}
        return {**own, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}

    def names(self, prefix: str) -> list[str]:
        """Of the objects whose names begin so."""
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [told["Key"] for told in listed.get("Contents", [])]

    def uploads(self, prefix: str) -> list[str]:
        """Names of the objects that are on their way in parts."""
        listed = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix)
        return [told["Key"] for told in listed.get("Uploads", [])]

    def make_bucket(self, name: str) -> None:
        """Make one that is empty."""
        self.client.create_bucket(Bucket=name)

    def drop_bucket(self, name: str) -> None:
        """Delete a bucket with a few objects."""
        for told in self.client.list_objects_v2(Bucket=name).get("Contents", []):
            self.client.delete_object(Bucket=name, Key=told["Key"])
        self.client.delete_bucket(Bucket=name)

    def age(self, name: str, seconds: float) -> None:
        """Make an object look as if it had been written so long ago."""
        # What is new is entered into the listing when somebody asks for it.
        self.client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        swift_clock.age(self.folder / "node/d1", "AUTH_test", self.bucket, name, seconds)

    def stop(self) -> None:
        """End all at once, as a power cut would."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()
        self._processes.clear()
        wait_free([self.port, *self._ports.values()])

    def cleanup(self) -> None:
        """Stop and remove everything."""
        self.client.close()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

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

    def _connected(self) -> Any:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )

    def _started(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, shutil.which(f"swift-{name}-server", path=_scripts()) or name]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*command, str(self._configuration(name)), "--verbose"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _configuration(self, name: str) -> Path:
        return self.folder / "etc" / f"{name}-server.conf"

    def _prepare(self) -> None:
        for folder in ("etc", "node/d1"):
            (self.folder / folder).mkdir(parents=True)
        (self.folder / "etc/swift.conf").write_text(SWIFT.format(suffix=swift_clock.HASH_SUFFIX))
        for name, port in self._ports.items():
            self._configure(name, port, KEEPER.format(folder=self.folder, name=name))
        self._make_rings()
        proxy = PROXY
        for name, options in OPTIONS.items():
            proxy = proxy.replace(f"use = egg:swift#{name}\n", f"use = egg:swift#{name}\n{options}")
        self._configure("proxy", self.port, proxy)

    def _configure(self, name: str, port: int, text: str) -> None:
        common = COMMON.format(host=HOST, port=port, user=getpass.getuser(), folder=self.folder)
        self._configuration(name).write_text(common + text)

    def _make_rings(self) -> None:
        pairs = [f"{name}={port}" for name, port in self._ports.items()]
        command = [sys.executable, "-m", "tests.servers.swift_rings", str(self.folder / "etc")]
        subprocess.run([*command, *pairs], cwd=ROOT, check=True)


def _scripts() -> str:
    return str(Path(sys.executable).parent)
