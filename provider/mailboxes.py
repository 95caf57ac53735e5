"""The mailboxes of the settings, as sources."""

from collections.abc import Sequence

from postroom.errors import SettingsError
from postroom.settings import Config

from . import accounts, sources


def named(config: Config, names: Sequence[str]) -> dict[str, sources.Source]:
    """The sources of these mailboxes, of all without a name; SettingsError says what is wrong."""
    known = config.named("mailbox")
    if not known:
        raise SettingsError(
            f"{config.shown}: no mailbox is configured: copy config.example.ini to config.ini "
            "and fill in a section [mailbox work]"
        )
    for name in names:
        if name not in known:
            raise SettingsError(
                f"{config.shown}: no section [mailbox {name}]: known are {', '.join(known)}"
            )
    return {name: source(config, name) for name in names or known}


def source(config: Config, name: str) -> sources.Source:
    """The source of a mailbox that has a section."""
    section = config.named("mailbox")[name]
    delete_after_days(config, name)
    with config.blaming(section.name, "source"):
        kind = sources.load(section.get("source", "imap"))
    options = section.convert(kind.Options)
    try:
        return kind(options, accounts.find(config, name, options), config.path_of)
    except SettingsError as e:
        raise type(e)(f"{config.shown}: [mailbox {name}] {e}") from e


def delete_after_days(config: Config, name: str) -> int | None:
    """How old a mail gets at its source once it is stored; None: it is never deleted there."""
    section = config.named("mailbox")[name]
    text = section.get("delete_after_days")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) < 1_000_000:
        raise section.error("delete_after_days", f"found {text!r}, expected a number of days")
    return int(text)
