"""One TLS context per CA file, shared by all mailboxes of the process."""

import ssl
from functools import cache
from pathlib import Path

from postroom.errors import SettingsError


@cache
def context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that verifies certificate and host name; SettingsError for a bad CA file."""
    try:
        verifying = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as e:
        raise SettingsError(f"ca_file = {ca_file}: no certificates can be read: {e}") from e
    verifying.minimum_version = ssl.TLSVersion.TLSv1_2
    return verifying
