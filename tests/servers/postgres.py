"""A real PostgreSQL of Debian's, on a free port, with all that it has in one folder."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.servers.ports import HOST, WORKER, free_port
from tests.waiting import wait_until

_VERSIONS = sorted(
    Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name)
)
BIN = _VERSIONS[-1] if _VERSIONS else Path("/usr/lib/postgresql/bin")
START_SECONDS, END_SECONDS = 60, 20
USER = "postroom"
#: What is lost when the machine stops is a test's.
_SETTINGS = {
    "listen_addresses": HOST,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "autovacuum_naptime": "10s",
}


class Postgres:
    """One cluster, for as many tests as there are: each takes a database of its own."""

    def __init__(self, port: int) -> None:
        #: Of what it is made.
        self.place = (port,)
        self.port = port
        self._numbers = itertools.count(1)

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}"

    def make(self, template: str = "template1") -> str:
        """The address of a new database, a copy of the template."""
        name = f"{WORKER}_{next(self._numbers)}"
        self.do(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Forget a database, whoever is still connected."""
        self.do(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def do(self, sql: str) -> None:
        """Run a statement outside any transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql)


class OwnPostgres(Postgres):
    """A cluster that we start and may stop."""

    def __init__(self) -> None:
        super().__init__(free_port())
        self.folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self.folder.chmod(0o755)
        self._as: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            # initdb refuses root.
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def start(self) -> Self:
        """Start it, or start it again, and wait until it answers."""
        if not (self.folder / "data").exists():
            self._run(
                "initdb", "-D", self.folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8",
                "--locale=C.UTF-8", "--no-sync", "--no-instructions",
            )  # fmt: skip
        settings = {**_SETTINGS, "port": self.port, "unix_socket_directories": self.folder}
        options = [each for item in settings.items() for each in ("-c", "=".join(map(str, item)))]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [BIN / "postgres", "-D", self.folder / "data", *options],
                env=self._environment(), cwd=self.folder, stdout=log, stderr=subprocess.STDOUT,
                **self._as,
            )  # fmt: skip
        try:
            wait_until(self.answers, START_SECONDS, f"PostgreSQL: {self.folder}/log")
        except AssertionError:
            self.cleanup()
            raise
        return self

    def stop(self, sign: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT lets it write all down, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait(END_SECONDS)
            self._process = None

    def cleanup(self) -> None:
        """End it and remove all that it has."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self) -> bool:
        """Whether it takes connections."""
        if self._process is None or self._process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text())
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [BIN / program, *map(str, arguments)], env=self._environment(), cwd=self.folder,
            capture_output=True, check=True, **self._as,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
