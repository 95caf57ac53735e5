"""A real RabbitMQ of Debian's, on free ports, with all that it has in one folder."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.servers.ports import HOST, WORKER, free_port
from tests.waiting import wait_until

#: The wrapper in /usr/sbin insists on being root or the user rabbitmq.
BIN = Path("/usr/lib/rabbitmq/bin")
START_SECONDS, END_SECONDS = 120, 20
#: Holds the server and its port mapper as long as somebody holds our input: they die with whoever
#: started them, however that ends.
_HOLD = """
setsid "$@" </dev/null &
read -r _
kill -9 -$!
# It is told by the kernel that its node is gone, and until then it stays.
while epmd -port "$ERL_EPMD_PORT" -kill 2>&1 | grep -q "not allowed"; do sleep 0.1; done
"""
#: What costs a call of rabbitmqctl is its start: one makes a few virtual hosts.
AT_ONCE = 8
_NEW_VHOSTS = """\
Any = <<".*">>, [begin
  ok = rabbit_vhost:add(Name, <<"tests">>),
  ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, Name, Any, Any, Any, <<"tests">>)
end || Name <- [%s]]."""
_CONFIG = """\
listeners.tcp.1 = {host}:{port}
disk_free_limit.absolute = 50MB
loopback_users.guest = true
log.console = false
log.file.level = warning
"""


class Rabbit:
    """One node, for as many tests as there are: each takes a virtual host of its own."""

    def __init__(self, folder: Path, port: int, epmd: int) -> None:
        #: Of what it is made.
        self.place = folder, port, epmd
        self.folder, self.port = folder, port
        self._node = f"t{port}@localhost"
        self._numbers = itertools.count(1)
        self._spares: list[str] = []
        #: The virtual host that was made last.
        self.vhost = ""
        self._environ = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": HOST,
        }

    def fresh_url(self) -> str:
        """The address of an empty virtual host."""
        if not self._spares:
            self._spares = [f"{WORKER}-{next(self._numbers)}" for _ in range(AT_ONCE)]
            self.ctl("eval", _NEW_VHOSTS % ", ".join(f'<<"{name}">>' for name in self._spares))
        self.vhost = self._spares.pop()
        return f"amqp://guest:guest@{HOST}:{self.port}/{self.vhost}"

    def ctl(self, *arguments: str) -> str:
        """What rabbitmqctl prints."""
        command = [str(BIN / "rabbitmqctl"), "-q", "-n", self._node, *arguments]
        done = subprocess.run(
            command, env=self._environ, capture_output=True, text=True, check=True
        )
        return done.stdout


class OwnRabbit(Rabbit):
    """A node that we start and may kill."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="rabbit")), free_port(), free_port())
        write = {
            "rabbitmq.conf": _CONFIG.format(host=HOST, port=self.port),
            "enabled_plugins": "[].\n",
            "advanced.config": "[].\n",
            ".erlang.cookie": os.urandom(16).hex(),
        }
        for name, text in write.items():
            (self.folder / name).write_text(text)
        (self.folder / ".erlang.cookie").chmod(0o400)
        self._dist = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        with (self.folder / "out.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _HOLD, "sh", BIN / "rabbitmq-server"],
                env={**self._environ, **self._variables()}, cwd=self.folder,
                start_new_session=True, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            # It answers before all of it is there.
            wait_until(lambda: self._is_there() and self._answers(), START_SECONDS, "RabbitMQ")
        except AssertionError as e:
            told = (self.folder / "out.log").read_text()
            self.cleanup()
            raise AssertionError(told) from e
        return self

    def kill(self) -> None:
        """As the kernel does when memory is out; `start` brings back what its disk has."""
        os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        wait_until(lambda: not self._answers(), END_SECONDS, "the end of RabbitMQ")
        self._let_go()

    def cleanup(self) -> None:
        """End it, and the port mapper that it started for itself."""
        self._let_go()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _let_go(self) -> None:
        if process := self._process:
            process.communicate(timeout=END_SECONDS)
            self._process = None

    def _is_there(self) -> bool:
        return b" completed with " in (self.folder / "out.log").read_bytes()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), 2) as s:
                s.settimeout(2)
                s.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(s.recv(8))
        except OSError:
            return False

    def _variables(self) -> dict[str, str]:
        of = {
            "NODENAME": self._node,
            "MNESIA_BASE": self.folder / "db",
            "LOG_BASE": self.folder / "log",
            "CONFIG_FILE": self.folder / "rabbitmq",
            "ADVANCED_CONFIG_FILE": self.folder / "advanced",
            "CONF_ENV_FILE": self.folder / "none",
            "ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins",
            "PID_FILE": self.folder / "pid",
            "DIST_PORT": self._dist,
            "SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
            "+S 1:1 +sbwt none",
        }
        return {f"RABBITMQ_{name}": str(value) for name, value in of.items()}
