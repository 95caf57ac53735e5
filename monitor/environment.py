"""FM_* variables: one page without any settings file, as FileMonitor had it."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from postroom.errors import SettingsError
from postroom.net import is_loopback
from postroom.settings import Config, RawSection

#: How errors name the place of such a setting.
PLACE = "FM_* variables"
URL = "FM_WEBPAGE_URL"
#: Variables that are settings as they stand.
PLAIN = {
    URL: ("page", "url"),
    "FM_INTERVAL_SECONDS": ("page", "interval_seconds"),
    "FM_ALLOW_HOSTS": ("page", "allow_hosts"),
    "FM_EMAIL_SENDER": ("digest", "sender"),
    "FM_EMAIL_RECEIVER": ("digest", "receivers"),
    "FM_EMAIL_SERVER": ("digest", "server"),
    "FM_EMAIL_PORT": ("digest", "port"),
    "FM_EMAIL_TLS": ("digest", "tls"),
    "FM_EMAIL_CA_FILE": ("digest", "ca_file"),
    "FM_DB_NAME": ("api", "database"),
    "FM_S3_ENDPOINT": ("storage s3", "endpoint"),
    "FM_S3_REGION": ("storage s3", "region"),
    "FM_S3_BUCKET": ("storage s3", "bucket"),
    "FM_S3_PREFIX": ("storage s3", "prefix"),
    "FM_S3_CA_FILE": ("storage s3", "ca_file"),
    "FL_LOGFILE": ("log", "file"),
    "FL_FORMAT": ("log", "format"),
}
#: Secrets are no settings, and reach neither a file nor a command line: what looks for them
#: finds them under Postroom's own names.
SECRETS = {
    "FM_EMAIL_SENDER_PWD": "POSTROOM_DIGEST_PASSWORD",
    "FM_S3_ACCESS_KEY": "POSTROOM_S3_ACCESS_KEY",
    "FM_S3_SECRET_KEY": "POSTROOM_S3_SECRET_KEY",
}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("", "false", "no", "off", "0")


def is_given() -> bool:
    """Whether somebody wants a page watched by these variables."""
    return bool(os.environ.get(URL))


def config() -> Config:
    """The settings that the variables stand for; SettingsError for what cannot be one."""
    return Config(None, sections(os.environ), PLACE)


def hand_on_secrets() -> None:
    """Let the secrets be found by whoever needs them."""
    for old, new in SECRETS.items():
        if os.environ.get(old) and not os.environ.get(new):
            os.environ[new] = os.environ[old]


def sections(variables: Mapping[str, str]) -> dict[str, RawSection]:
    """The variables as sections of a settings file."""
    told: dict[str, dict[str, str]] = {}
    for variable, (section, key) in PLAIN.items():
        if value := variables.get(variable, "").strip():
            told.setdefault(section, {})[key] = value
    _watch(told)
    _mail(told)
    if any(variables.get(name) for name in SECRETS if name.startswith("FM_S3_")):
        # Keys without a bucket are no wish for a folder: what is missing is to be said.
        told.setdefault("storage s3", {})
    if "storage s3" in told:
        told["storage"] = {"files": "s3"}
    log = told.setdefault("log", {})
    if "file" in log:
        # One handler: what is logged to a file is not told twice.
        log["terminal"] = "no"
    log["level"] = "debug" if _debug(variables.get("FM_DEBUG", "")) else "info"
    return {name: RawSection(PLACE, name, values) for name, values in told.items()}


def _watch(told: dict[str, dict[str, str]]) -> None:
    """The page is called by its host; an address that somebody wrote as a number is meant."""
    page = told.pop("page", {})
    try:
        host = urlsplit(page.get("url", "")).hostname or ""
    except ValueError:
        host = ""
    if not host:
        raise SettingsError(f"{URL}: expected an address such as https://example.org/reports")
    if _is_plain_address(host):
        page.setdefault("allow_hosts", host)
    told[f"page {host}"] = page


def _mail(told: dict[str, dict[str, str]]) -> None:
    """Mail is encrypted, but for a server of this very machine."""
    digest = told.get("digest")
    if digest:
        port, server = digest.get("port", ""), digest.get("server", "")
        usual = {"465": "ssl", "587": "starttls"}
        here = "none" if is_loopback(server) else "starttls"
        digest.setdefault("tls", usual.get(port, here))


def _is_plain_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _debug(text: str) -> bool:
    if text.strip().lower() not in (*_TRUE, *_FALSE):
        raise SettingsError(f"FM_DEBUG: found {text!r}, expected True or False")
    return text.strip().lower() in _TRUE
