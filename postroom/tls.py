"""TLS as our clients speak it: verified, 1.2 or newer; in words what is wrong with a server's."""

import ssl
from functools import cache
from pathlib import Path

from postroom.errors import SettingsError

_OLD = "the server has no TLS 1.2 or newer, and nothing older is safe: it has to be updated"
_PLAIN = "what answers at this port is no TLS: see whether tls = and port = belong together"
#: What OpenSSL calls a server that nobody can talk to in safety.
_NO_TLS = {
    "UNSUPPORTED_PROTOCOL": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "WRONG_VERSION_NUMBER": _PLAIN,
    "RECORD_LAYER_FAILURE": _PLAIN,
}


@cache
def context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that verifies certificate and host name, one per CA file for the whole process.

    SettingsError for a bad CA file.
    """
    try:
        verifying = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as e:
        raise SettingsError(f"ca_file = {ca_file}: no certificates can be read: {e}") from e
    verifying.minimum_version = ssl.TLSVersion.TLSv1_2
    return verifying


def fault(error: BaseException) -> str:
    """What is wrong with a server's TLS, and what to do; empty when it is something else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate is not trusted ({error.verify_message}): "
            "set ca_file if it is your own CA, or mend server = to the name it is made for"
        )
    if isinstance(error, ssl.SSLError):
        return _NO_TLS.get(error.reason, "")
    return ""
