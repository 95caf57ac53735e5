"""How long what is kept stays, as the settings say; 0 is for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from postroom.settings import Api, Config, Days, RawSection, Retention


class OfFiles(NamedTuple):
    """The rule of one page."""

    days: float = 0.0
    #: So many versions of a file, the present one among them.
    versions: int = 0


_FOR_EVER = OfFiles()


@dataclass(frozen=True, slots=True)
class Rules:
    """All of them; those of scripts stand with the scripts."""

    mails: float = 0.0
    mailboxes: Mapping[str, float] = field(default_factory=dict)
    files: OfFiles = _FOR_EVER
    pages: Mapping[str, OfFiles] = field(default_factory=dict)
    logs: float = 0.0
    records: float = 0.0
    events: float = 0.0

    def of_mailbox(self, name: str) -> float:
        """Days; a mail that stands in no mailbox has the name ""."""
        return self.mailboxes.get(name, self.mails)

    def of_page(self, name: str) -> OfFiles:
        """The rule for the files of a page."""
        return self.pages.get(name, self.files)


class _OfMailbox(msgspec.Struct, frozen=True):
    keep_days: Days | None = None


class _OfPage(msgspec.Struct, frozen=True):
    keep_days: Days | None = None
    keep_versions: Annotated[int, Meta(ge=0)] | None = None


def read(config: Config) -> Rules:
    """Those of a file; SettingsError for what is none."""
    general = config.section("retention", Retention)
    files = OfFiles(general.file_days, general.file_versions)
    mailboxes = {
        name: days
        for name, section in config.named("mailbox").items()
        if (days := _own(section).convert(_OfMailbox).keep_days) is not None
    }
    return Rules(
        mails=general.mail_days,
        mailboxes=mailboxes,
        files=files,
        pages={name: _of_page(section, files) for name, section in config.named("page").items()},
        logs=general.log_days,
        records=general.record_days,
        events=config.section("api", Api).events_days,
    )


def _of_page(section: RawSection, general: OfFiles) -> OfFiles:
    own = _own(section).convert(_OfPage)
    return OfFiles(
        general.days if own.keep_days is None else own.keep_days,
        general.versions if own.keep_versions is None else own.keep_versions,
    )


def _own(section: RawSection) -> RawSection:
    """The keys of ours; all others are somebody else's."""
    ours = {key: text for key, text in section.values.items() if key.startswith("keep_") and text}
    return RawSection(section.file, section.name, ours)
