"""What all runs of a runner share: isolation, environments, secrets, limits."""

import compileall
import math
import os
from collections.abc import Mapping
from signal import NSIG, SIGKILL, SIGXCPU

from postroom.settings import Config, Runner

from . import isolation
from .environments import Environments
from .job import Job
from .process import Why
from .secrets import Secrets
from .usage import Taken
from .view import INSIDE, View, packed

#: Of what the runner knows, a script that may use the network needs the way to it.
_NETWORK = ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")
#: Why a script was ended that did not end by itself.
_ENDED_BY_US = {
    "late": "the script ran longer than {seconds:g} seconds and was ended",
    "stopped": "the script was stopped",
    "hungry": "the script and its processes took more than {memory} MB of memory together",
    "full": "the script wrote more than {megabytes} MB, or too many files, and was ended",
}
_SIGNALS: dict[int, str] = {
    SIGXCPU: "the script took more processor time than it has seconds",
    SIGKILL: "the script was killed: it used up its processor time, or this machine's memory",
}
_PATH = "/usr/local/bin:/usr/bin:/bin"


class Workshop:
    """Made once; SettingsError where the isolation that the settings ask for does not work."""

    def __init__(
        self, config: Config, options: Runner | None = None, secrets: Secrets | None = None
    ) -> None:
        self.options = options or config.section("runner", Runner)
        # Before the first run looks for it: a sandbox cannot write there.
        compileall.compile_dir(INSIDE, quiet=2)
        with config.blaming("runner", "isolation"):
            self.isolation = isolation.choose(self.options)
        self.secrets = secrets or Secrets(config.path_of(self.options.secrets))
        self.environments = Environments(
            config.path_of(self.options.environments),
            self.isolation.python,
            self.options.environments_megabytes << 20,
            self.options.prepare_seconds,
            builds=self.options.builds,
        )

    def command(self, view: View, job: Job, how: str, *, cpu: bool = True) -> list[str]:
        """The command line of one process; `how` as the launcher has it."""
        seen = view.seen(self.isolation.name)
        # Without an environment nothing but Python's own library is there to be found.
        python = view.environment / "bin/python" if view.environment else self.isolation.python
        start = ["-I"] if view.environment else ["-I", "-S"]
        limits = self._limits(job, cpu=cpu)
        arguments = [*start, *seen.start(how), *limits]
        return self.isolation.command(view, python, arguments)

    def environ(self, view: View) -> dict[str, str]:
        """The whole environment of one process."""
        seen = view.seen(self.isolation.name)
        own = self.isolation.name == "bubblewrap"
        temporary = "/tmp" if own else seen.work  # noqa: S108 - inside it is its own
        known = os.environ.items() if view.network else ()
        passed = {name: value for name, value in known if name.lower() in _NETWORK}
        return {
            **passed,
            "PATH": _PATH,
            "LANG": "C.UTF-8",
            "HOME": seen.work,
            "TMPDIR": temporary,
        }

    def taken(self, view: View, job: Job) -> Taken:
        """What the run takes, to be looked at while it lives."""
        most_memory = job.megabytes << 20 if self.isolation.name != "none" else None
        return Taken([view.work, view.output], self.options.output_megabytes << 20, most_memory)

    def reason(self, why: Why, status: int, job: Job) -> str:
        """Why a process ended that did not end well; nothing where it says so itself."""
        if why != "ended":
            return _ENDED_BY_US[why].format(
                seconds=job.seconds,
                megabytes=self.options.output_megabytes,
                memory=job.megabytes,
            )
        signal = status - 128
        unknown = f"the script died by signal {signal}" if 0 < signal < NSIG else ""
        return _SIGNALS.get(signal, unknown)

    def _limits(self, job: Job, *, cpu: bool) -> list[str]:
        if self.isolation.name == "none":
            return []
        limits: Mapping[str, int] = {
            "AS": job.megabytes << 20,
            # The clock ends it before, unless several threads work.
            **({"CPU": math.ceil(job.seconds) + 1} if cpu else {}),
            "FSIZE": self.options.file_megabytes << 20,
            "NPROC": self.options.processes + self._others(),
            "NOFILE": 256,
            "CORE": 0,
        }
        return [f"{name}={number}" for name, number in limits.items()]

    def _others(self) -> int:
        """How many processes and threads the user of the script has besides the script's.

        The kernel counts those of one user; since Linux 5.14 apart for each user namespace.
        """
        apart = self.isolation.name == "bubblewrap" and _kernel() >= (5, 14)
        if apart or not os.path.isdir("/proc/self"):
            return 0
        uid = self.isolation.owner.uid if self.isolation.owner else os.getuid()
        return sum(_threads(entry.path, uid) for entry in os.scandir("/proc"))


def hidden(job: Job, secrets: Mapping[str, str]) -> bytes:
    """What the launcher's standard input tells: it lies in no file and on no command line."""
    api = [job.api_url, job.api_token] if job.network else ["", ""]
    return packed({"secrets": dict(secrets), "api": api})


def _threads(path: str, uid: int) -> int:
    if not path[6:].isdigit():
        return 0
    try:
        return len(os.listdir(f"{path}/task")) if os.stat(path).st_uid == uid else 0
    except OSError:
        return 0


def _kernel() -> tuple[int, int]:
    major, _, rest = os.uname().release.partition(".")
    minor = "".join(c for c in rest.partition(".")[0] if c.isdigit())
    return int(major or 0), int(minor or 0)
