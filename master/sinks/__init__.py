"""Where parsed mails go: one contract, a registry of the sinks that fulfil it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, Self

import msgspec

from postroom import records, registry, wire
from postroom.api_client import ApiClient
from postroom.errors import SettingsError
from postroom.settings import Config

SINKS = {
    "api": "master.sinks.api:ApiSink",
    "directory": "master.sinks.directory:DirectorySink",
}


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a push as the sinks get it: a mail, or why there is none."""

    mailbox: str
    epoch: int
    folder: str
    uidvalidity: int
    generation: int | None = None
    key: wire.Key
    #: Bytes as the server told.
    server_size: int = 0
    outcome: str = ""
    stage: str = ""
    reason: str = ""
    #: Of the raw bytes, which the storage holds; empty without.
    sha256: str = ""
    size: int = 0
    header_sha256: str = ""
    mail: records.Mail | None = None
    #: Version of the parser that was given the raw bytes.
    parser: int | None = None


class Batch(NamedTuple):
    """What is delivered together, and the store that holds the raw bytes."""

    deliveries: Sequence[Delivery]
    #: The storage's id, and the number of the commit that holds the raw bytes.
    storage: str
    number: int
    #: Where people find the raw bytes of a SHA-256.
    url: Callable[[str], str]


class Verdict(NamedTuple):
    """What became of one delivery; `after` in seconds, with status retry."""

    status: str
    after: float = 0.0
    reason: str = ""
    #: The number of the mail, where it has one.
    mail: int = 0


class Sink(Protocol):
    """Takes a batch; raises TemporaryError when the whole of it must come again."""

    @classmethod
    def open(cls, config: Config, api: ApiClient) -> Self:
        """Make it from its own section, [sink NAME]."""

    def deliver(self, batch: Batch) -> list[Verdict]:
        """Return one verdict for each delivery, in order, once it is safe there."""


def open_sinks(names: Sequence[str], config: Config, api: ApiClient) -> list[Sink]:
    """Open the sinks of these names; the API comes last, since its verdict is the answer."""
    if "api" not in names:
        raise SettingsError(f"{config.shown}: [master] sinks: `api` must be among them")
    ordered = [*(name for name in dict.fromkeys(names) if name != "api"), "api"]
    with config.blaming("master", "sinks"):
        kinds = [registry.load(SINKS, name, "sink") for name in ordered]
    return [kind.open(config, api) for kind in kinds]
