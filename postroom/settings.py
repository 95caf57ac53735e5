"""Settings: one INI file, each section a Struct, every error a sentence that says what to mend."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from postroom import ini
from postroom.errors import PostroomError, SettingsError, TemporaryError
from postroom.net import reachable
from postroom.runs import MAX_LEASE
from postroom.values import converted, expected, found

DEFAULT_FILE = Path("config.ini")

Port = Annotated[int, Meta(ge=1, le=65_535)]
#: A number of something of which there must be at least one.
Number = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of one section with their types and defaults."""


T = TypeVar("T", bound=msgspec.Struct)


#: What belongs to a database on a server stands here.
DATA = "data"


class Api(Options, frozen=True):
    """[api]: where the API listens, and how others reach it."""

    host: str = "127.0.0.1"
    port: Port = 5000
    url: str = ""
    hosts: tuple[str, ...] = ()
    database: str = "data/postroom.sqlite"
    database_password_file: str = ""
    database_connections: Number = 20
    search_language: str = "simple"
    threads: Number = 8
    streams: Annotated[int, Meta(ge=1, le=512)] = 64
    exports: Annotated[int, Meta(ge=1, le=64)] = 4
    #: 0: for ever.
    events_days: Annotated[int, Meta(ge=0, le=36_500)] = 90
    token: str = ""
    token_file: str = ""
    presigned: bool = False
    delivered_hours: Annotated[float, Meta(ge=0, le=8760)] = 24.0
    session_hours: Annotated[float, Meta(gt=0)] = 168.0

    def __repr__(self) -> str:
        # A token must not get into a log by way of an f-string.
        return f"Api(base_url={self.base_url!r})"

    @property
    def beside(self) -> str:
        """The folder of what belongs to the database, as the files of the first tokens."""
        return DATA if "://" in self.database else str(Path(self.database).parent)

    @property
    def base_url(self) -> str:
        """The address that the other daemons call, without a slash at its end."""
        return self.url.rstrip("/") or f"http://{reachable(self.host)}:{self.port}"


class Master(Options, frozen=True):
    """[master]: the front, its workers, its limits and its sinks."""

    host: str = "127.0.0.1"
    port: Port = 5555
    workers: Number = 2
    deadline_seconds: Seconds = 60.0
    spool: str = "data/spool"
    mail_megabytes: Number = 150
    batch_mails: Annotated[int, Meta(ge=1, le=1000)] = 200
    batch_megabytes: Annotated[int, Meta(ge=1, le=4)] = 4
    sinks: tuple[str, ...] = ("api",)
    keys: str = "data/keys"

    @property
    def address(self) -> str:
        """The ZeroMQ address that a provider on this machine connects to."""
        return f"tcp://{reachable(self.host)}:{self.port}"


class Storage(Options, frozen=True):
    """[storage]: which storage keeps raw mails and files, and where."""

    mails: str = "sqlite"
    files: str = "directory"
    mails_path: str = "data/mails.sqlite"
    files_path: str = "data/files"


Days = Annotated[float, Meta(ge=0, le=36_500)]


class Retention(Options, frozen=True):
    """[retention]: how long what is kept stays; 0: for ever."""

    daily: bool = False
    mail_days: Days = 0.0
    file_days: Days = 0.0
    file_versions: Annotated[int, Meta(ge=0)] = 0
    log_days: Days = 0.0
    record_days: Days = 0.0


class ToMaster(Options, frozen=True):
    """How a daemon reaches the master."""

    lanes: Annotated[int, Meta(ge=1, le=64)] = 4
    resend_seconds: Seconds = 60.0
    reconnect_seconds: Seconds = 7.5
    master: str = ""
    key_file: str = ""
    server_key_file: str = ""


class Provider(ToMaster, frozen=True):
    """[provider]: how providers talk to the master."""

    budget_megabytes: Annotated[int, Meta(ge=8)] = 32
    heartbeat_seconds: Seconds = 10.0
    tokens: str = "data/tokens"


class Monitor(ToMaster, frozen=True):
    """[monitor]: how many pages are looked at together, and how they reach the master."""

    threads: Annotated[int, Meta(ge=1, le=64)] = 8
    pulse_seconds: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    spool: str = "data/monitor"


class Digest(Options, frozen=True):
    """[digest]: the mail that tells of new files, and the server that takes it."""

    sender: str = ""
    #: Nobody: no digest is mailed.
    receivers: tuple[str, ...] = ()
    server: str = ""
    #: 0: the usual one for `tls`.
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    tls: Literal["ssl", "starttls", "none"] = "ssl"
    ca_file: str = ""
    user: str = ""
    password_file: str = ""
    timeout_seconds: Seconds = 60.0
    at: str = ""
    time_zone: str = "UTC"
    url: str = ""


class Alarms(Options, frozen=True):
    """[alarms]: what is alarmed of, who is told by mail, and how often."""

    #: Nobody: alarms are told as events and listed, and not mailed.
    to: tuple[str, ...] = ()
    sender: str = ""
    repeat_hours: Annotated[float, Meta(gt=0, le=8760)] = 6.0
    group_seconds: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    quarantine_new: Number = 20
    quarantine_minutes: Annotated[float, Meta(gt=0, le=10_080)] = 60.0
    disk_percent: Annotated[float, Meta(ge=0, le=100)] = 5.0
    disk_megabytes: Annotated[int, Meta(ge=0)] = 500


class Runner(Options, frozen=True):
    """[runner]: how many scripts run together, how they are kept apart, what they may take."""

    workers: Annotated[int, Meta(ge=1, le=64)] = 2
    poll_seconds: Annotated[float, Meta(ge=0.01, le=60)] = 0.25
    lease_seconds: Annotated[float, Meta(ge=3, le=MAX_LEASE)] = 60.0
    drain_seconds: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    token_file: str = ""
    queue: str = ""
    scripts: str = "scripts"
    runs: str = "data/runs"

    isolation: Literal["auto", "bubblewrap", "limits", "none"] = "auto"
    user: str = "nobody"
    secrets: str = "data/secrets"
    environments: str = "data/environments"
    environments_megabytes: Number = 4096
    prepare_seconds: Seconds = 300.0
    builds: bool = False
    processes: Number = 64
    file_megabytes: Number = 64
    output_megabytes: Number = 128
    log_kilobytes: Number = 1024
    webhook_workers: Annotated[int, Meta(ge=1, le=64)] = 8
    webhook_seconds: Annotated[float, Meta(gt=0, le=300)] = 30.0
    webhook_private: bool = False
    webhook_ca_file: str = ""

    def __repr__(self) -> str:
        # The address of a queue may hold a password.
        return f"Runner(isolation={self.isolation!r}, workers={self.workers})"


PortOrNone = Annotated[int, Meta(ge=0, le=65_535)]


class Metrics(Options, frozen=True):
    """[metrics]: where daemons other than the API answer GET /metrics; 0: nowhere."""

    host: str = "127.0.0.1"
    master: PortOrNone = 0
    provider: PortOrNone = 0
    monitor: PortOrNone = 0
    runner: PortOrNone = 0


class Log(Options, frozen=True):
    """[log]: how much is told, and where besides the terminal."""

    file: str = ""
    #: From so many on the file begins anew; 0: never.
    megabytes: Annotated[int, Meta(ge=0, le=1_000_000)] = 50
    #: Older ones that are kept.
    files: Annotated[int, Meta(ge=1, le=1000)] = 5
    #: With a file: whether the terminal gets the log as well.
    terminal: bool = True
    #: As Python's logging takes it, %(message)s and such; or "json"; "" for the built-in one.
    format: str = ""
    level: Literal["debug", "info", "warning", "error"] = "info"

    def __post_init__(self) -> None:
        """Raise ValueError for a format that no line can have."""
        if self.format not in ("", "json"):
            _check_format(self.format)


SECTIONS: Mapping[str, type[Options]] = {
    "api": Api,
    "master": Master,
    "storage": Storage,
    "retention": Retention,
    "provider": Provider,
    "monitor": Monitor,
    "digest": Digest,
    "alarms": Alarms,
    "runner": Runner,
    "metrics": Metrics,
    "log": Log,
}
#: Sections that stand once per name, as [mailbox work], with the keys that choose the plug-in;
#: all other keys of theirs are the plug-in's own.
NAMED: Mapping[str, frozenset[str]] = {
    "mailbox": frozenset({"source", "delete_after_days", "keep_days"}),
    "page": frozenset({"keep_days", "keep_versions"}),
    "sink": frozenset(),
    "storage": frozenset(),
}


@dataclass(frozen=True, slots=True)
class RawSection:
    """A section as it stands in the file, until somebody knows the types of its keys."""

    file: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Keys that are read by `get` alone, so that no Options has to declare them.
    core: Collection[str] = ()

    def get(self, key: str, default: str = "") -> str:
        """The text of one key."""
        return self.values.get(key, default)

    def convert(self, options: type[T]) -> T:
        """Return the section as `options`; SettingsError for unknown, missing and wrong keys."""
        fields = {f.name: f for f in msgspec.structs.fields(options)}
        given = [key for key in self.values if key in fields or key not in self.core]
        for key in given:
            if key not in fields:
                raise self.error(key, _unknown("key", key, fields))
        for f in fields.values():
            if f.required and f.name not in self.values:
                raise self.error(f.name, f"missing: expected {expected(f.type)}")
        values = {key: self._value(key, fields[key].type) for key in given}
        try:
            return options(**values)
        except ValueError as e:
            raise SettingsError(f"{self.file}: [{self.name}] {e}") from e

    def error(self, key: str, problem: str) -> SettingsError:
        """An error that names the file, the section and the key."""
        return SettingsError(f"{self.file}: [{self.name}] {key}: {problem}")

    def _value(self, key: str, kind: Any) -> Any:
        text = self.values[key]
        try:
            return converted(text, kind)
        except ValueError:
            problem = f"found {found(key, text)}, expected {expected(kind)}"
            raise self.error(key, problem) from None


@dataclass(frozen=True, slots=True)
class Config:
    """All sections of one file, or the built-in defaults where there is no file."""

    #: None without a file.
    file: Path | None = None
    sections: Mapping[str, RawSection] = field(default_factory=dict)
    #: What they were read from, where that is no file; "" for the defaults.
    origin: str = ""

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.file.parent if self.file else Path.cwd()

    def section(self, name: str, options: type[T]) -> T:
        """The section [name] as `options`, all defaults where the file does not have it."""
        return self.sections.get(name, RawSection(self.shown, name)).convert(options)

    @contextmanager
    def blaming(self, section: str, key: str) -> Iterator[None]:
        """Around the first use of a setting: what cannot work names file, section and key.

        TemporaryError stays what it is.
        """
        try:
            yield
        except TemporaryError:
            raise
        except PostroomError as e:
            raise RawSection(self.shown, section).error(key, str(e)) from e

    def named(self, kind: str) -> dict[str, RawSection]:
        """The sections [kind NAME] by name, in the order of the file."""
        found = ((title.partition(" "), raw) for title, raw in self.sections.items())
        return {name: raw for (first, _, name), raw in found if first == kind and name}

    def path_of(self, value: str) -> Path:
        """The path that a setting means: relative ones start at the file's folder."""
        return self.folder / Path(value).expanduser()

    @property
    def shown(self) -> str:
        """The file, or what stands for it, as messages name it."""
        return str(self.file or self.origin or DEFAULT_FILE)


def load(path: Path | None = None) -> Config:
    """Read the file and check all sections whose keys are known here; SettingsError if it is wrong.

    Without a path: config.ini of the current folder if there is one, else the built-in defaults.
    """
    if path is None and not DEFAULT_FILE.exists():
        return Config()
    file = (path or DEFAULT_FILE).absolute()
    sections: dict[str, RawSection] = {}
    for title, values in ini.read(file).items():
        sections[title] = RawSection(str(file), title, values, _core_keys(file, title))
    config = Config(file, sections)
    for name, options in SECTIONS.items():
        config.section(name, options)
    return config


def _core_keys(file: Path, title: str) -> frozenset[str]:
    kind, _, name = title.partition(" ")
    if "/" in name:
        raise SettingsError(f"{file}: [{title}]: a name must not contain /")
    if kind in NAMED and name:
        return NAMED[kind]
    if title in SECTIONS:
        return frozenset()
    if title in NAMED:
        raise SettingsError(f"{file}: [{title}] needs a name, as in [{title} work]")
    known = [*SECTIONS, *(f"{kind} NAME" for kind in NAMED)]
    raise SettingsError(f"{file}: [{title}]: {_unknown('section', title, known)}")


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"unknown {what}: expected one of {', '.join(sorted(known))}{hint}"


def _check_format(text: str) -> None:
    record = logging.makeLogRecord({"msg": "x", "ids": ""})
    try:
        logging.Formatter(text).format(record)
    except (ValueError, KeyError, TypeError) as e:
        raise ValueError(f"format: {text!r} cannot be used ({e}): see LogRecord of Python") from e
