"""[digest] as somebody wrote it: its addresses, its hour and its zone, checked and in one form."""

import re
from datetime import UTC, tzinfo
from email.errors import HeaderParseError, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.policy import SMTP
from zoneinfo import ZoneInfo

import msgspec

from postroom.errors import SettingsError
from postroom.net import is_loopback
from postroom.settings import Alarms, Config, Digest, RawSection

NAME = "digest"
_NEEDED = ("sender", "receivers", "server")


def options(config: Config) -> Digest:
    """The section [digest]; SettingsError for what no mail could be sent with.

    Without receivers nothing is mailed.
    """
    raw = config.sections.get(NAME, RawSection(config.shown, NAME))
    told = raw.convert(Digest)
    given = [key for key in _NEEDED if getattr(told, key)]
    if given == ["server"] and config.section("alarms", Alarms).to:
        # The server of alarms alone.
        return told
    for key in _NEEDED:
        if given and key not in given:
            raise raw.error(key, f"missing: it is needed where there is {given[0]} =")
    if told.at and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", told.at):
        raise raw.error("at", f"found {told.at!r}, expected a time such as 08:00")
    with config.blaming(NAME, "time_zone"):
        zone(told.time_zone)
    return msgspec.structs.replace(
        told,
        sender=_address(raw, "sender", told.sender) if told.sender else "",
        receivers=tuple(_address(raw, "receivers", each) for each in told.receivers),
    )


def of_alarms(config: Config) -> Digest:
    """[digest] with the sender and the receivers of [alarms]; SettingsError as `options`."""
    raw = config.sections.get("alarms", RawSection(config.shown, "alarms"))
    alarms, told = raw.convert(Alarms), options(config)
    if not alarms.to:
        return msgspec.structs.replace(told, receivers=())
    sender = alarms.sender or told.sender
    for key, value in (("sender", sender), ("to", told.server)):
        if not value:
            what = "a sender" if key == "sender" else "[digest] server, which sends the mail"
            raise raw.error(key, f"needs {what}")
    return msgspec.structs.replace(
        told,
        sender=_address(raw, "sender", sender),
        receivers=tuple(_address(raw, "to", each) for each in alarms.to),
    )


def require_safe(told: Digest, password: str) -> None:
    """SettingsError where the password would travel in the clear."""
    if password and told.tls == "none" and not is_loopback(told.server):
        raise SettingsError(
            "none would send your password in the clear: set ssl or starttls, "
            "or take the password away where the server wants none"
        )


def zone(name: str) -> tzinfo:
    """A time zone by its name; SettingsError where there is none."""
    if name == "UTC":
        # Known also where the system has no table of zones.
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError) as e:
        raise SettingsError(f"found {name!r}, expected a name such as Europe/Berlin") from e


def _address(raw: RawSection, key: str, text: str) -> str:
    """The address with its domain in ASCII, as mail servers know it (RFC 5891)."""
    header = SMTP.header_factory("to", text)
    wrong = [each for each in header.defects if not isinstance(each, NonASCIILocalPartDefect)]
    try:
        (address,) = header.addresses
        domain = address.domain.encode("idna").decode("ascii")
        found = Address(address.display_name, address.username, domain)
    except (ValueError, HeaderParseError):
        found = Address()
    if wrong or not found.username or not found.domain:
        raise raw.error(key, f"found {text!r}, expected an address such as ann@example.org")
    return str(found)
