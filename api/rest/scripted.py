"""What the API answers of scripts, slots, runs and replays, as types; see answers."""

from typing import Any, Literal

from postroom.runs import SlotState

from .answers import Base

Kind = Literal["hand", "clock", "mail", "file", "retry"]
RunStatus = Literal["pending", "completed", "error"]


class LastRun(Base, frozen=True):
    """The newest run of a script."""

    id: int
    time: str
    status: RunStatus


class Script(Base, frozen=True):
    """A script and all its settings."""

    name: str
    description: str
    enabled: bool
    origin: Literal["api", "folder"]
    #: Since when its file is not in the folder.
    gone: str | None
    version: int
    arguments: dict[str, Any]
    secrets: list[str]
    seconds: float
    megabytes: int
    network: bool
    scheduled_time: str | None
    repeat_after: float
    cron: str
    time_zone: str
    on_mail: str
    on_file: str
    overlap: Literal["skip", "queue", "allow"]
    missed: Literal["once", "all", "skip"]
    retries: int
    keep_runs: int
    keep_days: float
    keep_megabytes: float
    #: All slots up to this time are known.
    planned: str
    last_run: LastRun | None
    created: str
    changed: str


class Version(Base, frozen=True):
    """A version of a script's source."""

    script: str
    number: int
    sha256: str
    size: int
    created: str


class Source(Version, frozen=True):
    """A version with its text."""

    source: str


class Slot(Base, frozen=True):
    """A moment at which a script's clock struck."""

    id: int
    slot: str
    state: SlotState
    run: int | None
    created: str


class ShownOutput(Base, frozen=True):
    """What a run put into output.txt."""

    size: int
    sha256: str


class ShownArtefact(ShownOutput, frozen=True):
    """A file that a run made besides."""

    number: int
    name: str
    type: str
    #: Its bytes are gone from the storage.
    lost: bool = False


class LogSizes(Base, frozen=True):
    """Bytes that the present attempt wrote."""

    out: int
    err: int


class Run(Base, frozen=True):
    """One run of a script."""

    id: int
    script: str
    version: int
    time: str
    status: RunStatus
    #: None when it is over.
    phase: Literal["waiting", "running"] | None
    #: `kind` and what belongs to it.
    trigger: dict[str, Any]
    arguments: dict[str, Any]
    mail: int | None
    file: int | None
    #: Not before; of one that waits to be tried again.
    due: str | None
    attempt: int
    #: Messages about it that the queue of the runners gave up.
    dead_letters: int
    worker: str
    #: Somebody asked for its end.
    stop: bool
    started: str | None
    ended: str | None
    #: Seconds.
    duration: float | None
    exit_code: int | None
    error: str
    #: What was in force; "" before.
    isolation: Literal["", "bubblewrap", "limits", "none"]
    output: ShownOutput | None
    artefacts: list[ShownArtefact]
    log: LogSizes
    changed: str


class Log(Base, frozen=True):
    """A part of what a run wrote; go on at `next`."""

    run: int
    attempt: int
    stream: Literal["out", "err"]
    offset: int
    next: int
    text: str
    #: The stream went on, and that is not kept.
    truncated: bool
    #: Nothing will follow.
    ended: bool


class Differences(Base, frozen=True):
    """How the outputs differ from those of the replay before."""

    added: int = 0
    gone: int = 0
    changed: int = 0
    same: int = 0


class Replay(Base, frozen=True):
    """A script over all that is stored and that a filter selects."""

    id: int
    script: str
    version: int
    of: Literal["mails", "files"]
    filters: dict[str, str]
    arguments: dict[str, Any]
    state: Literal["running", "completed", "stopped"]
    total: int
    completed: int
    failed: int
    left: int
    #: The replay that it is compared with.
    previous: int | None
    #: None until the end.
    differences: Differences | None
    created: str
    ended: str | None


class ReplayLine(Base, frozen=True):
    """What came of one mail or file."""

    id: int
    #: absent: the replay before had it, this one does not.
    status: Literal["", "completed", "error", "absent"]
    output: str
    sha256: str
    #: The output was longer.
    cut: bool
    error: str
    was: Literal["", "same", "added", "gone", "changed"]


class Deleted(Base, frozen=True):
    """What went with a script."""

    name: str
    runs: int
