"""What a runner and the API say to each other of runs, slots and replays."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

#: Seconds of a lease: who died is found out within two minutes.
MAX_LEASE = 100
#: Runs of one claim, items of one batch of a replay.
MAX_RUNS = 100
MAX_ITEMS = 500
#: Slots of one call; of more that were missed, the newest are enough.
MAX_SLOTS = 5_000
#: Bytes of UTF-8 of one piece of a log.
MAX_PIECE = 256 * 1024
#: Characters of what the script made of one item of a replay; a longer output is cut.
MAX_OUTPUT = 64 * 1024

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Worker = Annotated[str, Meta(min_length=1, max_length=200)]
Claim = Annotated[str, Meta(min_length=1, max_length=64)]
Lease = Annotated[float, Meta(ge=1, le=MAX_LEASE)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Line = Annotated[str, Meta(max_length=10_000)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Key = Annotated[str, Meta(min_length=1, max_length=1_024)]
Time = Annotated[str, Meta(min_length=1, max_length=40)]
Status = Literal["completed", "error"]
Isolation = Literal["bubblewrap", "limits", "none"]
Stream = Literal["out", "err"]
#: On time, as soon as it could be, not since the run before was not over, not at all.
SlotState = Literal["run", "late", "skipped", "missed"]


class Schedule(msgspec.Struct, frozen=True):
    """A script as far as a clock needs to know it."""

    name: str
    enabled: bool
    #: All slots up to this time are told.
    planned: str
    scheduled_time: str | None = None
    #: Seconds; 0: once.
    repeat_after: float = 0.0
    cron: str = ""
    time_zone: str = "UTC"
    missed: str = "once"


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A body or an answer."""


class ClaimRuns(Base, frozen=True, kw_only=True):
    """A runner asks for runs that are due."""

    worker: Worker
    lease_seconds: Lease = 60.0
    most: Annotated[int, Meta(ge=1, le=MAX_RUNS)] = 1
    #: Only this one: a broker gave it out.
    run: Id | None = None
    #: The runner's own name for what it is given now: who did not hear the answer asks again under
    #: it, and is given the same.
    claim: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")] | None = None


class ClaimedRun(Base, frozen=True, kw_only=True):
    """A run that is leased to a runner, and all that it needs to know."""

    run: int
    #: Names this lease; every later word about the run must name it.
    claim: str
    attempt: int
    lease_until: str
    script: str
    version: int
    source: str
    arguments: dict[str, Any] = {}
    trigger: dict[str, Any] = {}
    #: When the last completed run of the script began; "" before the first.
    since: str = ""
    #: Names, never values.
    secrets: list[str] = []
    seconds: float = 60.0
    megabytes: int = 512
    network: bool = False
    #: The id of the mail or of the file that the run is about.
    mail: int | None = None
    file: int | None = None
    #: For reading only, as long as the run lasts; only where the network is allowed.
    api_token: str = ""

    def __repr__(self) -> str:
        # A token must not get into a log by way of an f-string.
        return f"ClaimedRun(run={self.run}, script={self.script!r}, attempt={self.attempt})"


class ClaimedRuns(Base, frozen=True, kw_only=True):
    """The runs given out."""

    runs: list[ClaimedRun] = []


class RenewRun(Base, frozen=True, kw_only=True):
    """The runner is still at it."""

    claim: Claim
    lease_seconds: Lease = 60.0


class RenewedRun(Base, frozen=True, kw_only=True):
    """The lease goes on, unless the script is to be stopped."""

    stop: bool
    lease_until: str


class LogPiece(Base, frozen=True, kw_only=True):
    """What a script wrote; `offset` counts the bytes (UTF-8) of the stream before it."""

    claim: Claim
    stream: Stream
    offset: Count
    text: Annotated[str, Meta(max_length=MAX_PIECE)]


class LogTaken(Base, frozen=True, kw_only=True):
    """How much of the stream is known; beyond its limit it is counted and not kept."""

    offset: int
    stop: bool = False


class Object(Base, frozen=True, kw_only=True):
    """An object in the storage of files, under runs/RUN/ATTEMPT/."""

    key: Key
    size: Count
    sha256: Sha256


class Artefact(Object, frozen=True, kw_only=True):
    """A file that a script made beside its output."""

    name: Name
    type: Annotated[str, Meta(max_length=255)] = ""


class LastPiece(Base, frozen=True):
    """The end of a stream, as LogPiece has it."""

    stream: Stream
    offset: Count
    text: Annotated[str, Meta(max_length=MAX_PIECE)]


class FinishRun(Base, frozen=True, kw_only=True):
    """How a run ended, once what it brought is durable."""

    claim: Claim
    status: Status
    exit_code: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | None = None
    error: Line = ""
    isolation: Isolation
    #: output.txt; that of a failed run holds its error.
    output: Object | None = None
    artefacts: Annotated[list[Artefact], Meta(max_length=1_000)] = []
    #: What is left of its log, so that a short run needs no further word.
    log: Annotated[list[LastPiece], Meta(max_length=2)] = []
    #: The id of the storage that holds them.
    storage: Annotated[str, Meta(max_length=255)] = ""
    #: What the runner would do next.
    next: ClaimRuns | None = None


class FinishedRun(Base, frozen=True, kw_only=True):
    """What the run is now: pending again when it is to be retried."""

    run: int
    status: Literal["pending", "completed", "error"]
    #: When it is tried again.
    due: str | None = None
    #: What its runner is given to do next.
    runs: list[ClaimedRun] = []


class GiveBackRun(Base, frozen=True):
    """The runner cannot do it now: it waits again as if nobody had claimed it."""

    claim: Claim
    reason: Line = ""
    after_seconds: Annotated[float, Meta(ge=0, le=3_600)] = 0.0


class DeadLetter(Base, frozen=True, kw_only=True):
    """The queue gave up the message that was to bring the run to a runner."""

    reason: Line = ""
    #: The run, where it waits, is not sent before that.
    after_seconds: Annotated[float, Meta(ge=0, le=3_600)] = 0.0


class DeadLetters(Base, frozen=True, kw_only=True):
    """How many of them the run has by now."""

    run: int
    dead_letters: int


class TellSlots(Base, frozen=True, kw_only=True):
    """Moments at which a script's clock struck, and up to when all of them are told."""

    slots: Annotated[list[Time], Meta(max_length=MAX_SLOTS)]
    until: Time


class ToldSlot(Base, frozen=True, kw_only=True):
    """What became of a slot."""

    slot: str
    state: SlotState
    run: int | None = None


class ToldSlots(Base, frozen=True, kw_only=True):
    """One answer for each slot, in the same order."""

    items: list[ToldSlot]


class Advanced(Base, frozen=True, kw_only=True):
    """Runs that were made for new mails and files; `more`: ask again at once."""

    runs: int
    more: bool


class FolderScripts(Base, frozen=True, kw_only=True):
    """All scripts in a runner's folder: their sources by name."""

    scripts: Annotated[dict[Name, str], Meta(max_length=1_000)]


class FolderScript(Base, frozen=True, kw_only=True):
    """What became of one of them."""

    name: str
    status: Literal["new", "changed", "same", "refused", "disabled"]
    version: int = 0
    reason: str = ""


class FolderTaken(Base, frozen=True, kw_only=True):
    """One answer for each script in the folder, and for each that is there no more."""

    items: list[FolderScript]


class ClaimBatch(Base, frozen=True, kw_only=True):
    """A runner asks for the next items of a replay."""

    worker: Worker
    lease_seconds: Lease = 60.0
    most: Annotated[int, Meta(ge=1, le=MAX_ITEMS)] = 100


class ReplayBatch(Base, frozen=True, kw_only=True):
    """Items of a replay, leased; all of them are told of before the next ones are asked for.

    `items` is empty, and so is `claim`, when nothing is to do or another runner is at it.
    """

    claim: str = ""
    lease_until: str = ""
    script: str
    version: int
    source: str = ""
    arguments: dict[str, Any] = {}
    secrets: list[str] = []
    seconds: float = 60.0
    megabytes: int = 512
    network: bool = False
    #: What the numbers are ids of.
    of: Literal["mails", "files"]
    items: list[int] = []


class ItemResult(Base, frozen=True, kw_only=True):
    """What the script made of one mail or file."""

    id: Id
    status: Status
    output: Annotated[str, Meta(max_length=MAX_OUTPUT)] = ""
    #: Of the whole output, also where it was cut.
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    cut: bool = False
    error: Line = ""


class TellItems(Base, frozen=True, kw_only=True):
    """Results of a batch; the lease goes on with them."""

    claim: Claim
    items: Annotated[list[ItemResult], Meta(max_length=MAX_ITEMS)]
    lease_seconds: Lease = 60.0


class ItemsTaken(Base, frozen=True, kw_only=True):
    """How far the replay is; `stop`: there is no more to do."""

    done: int
    total: int
    stop: bool
    lease_until: str
