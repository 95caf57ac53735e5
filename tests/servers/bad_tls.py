"""TLS contexts of servers that nobody should talk to."""

import ssl
import subprocess
import warnings
from pathlib import Path
from typing import Any

FAULTS = ["expired", "wrong host", "self-signed", "unknown authority", "old protocol"]
_EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class BadTls:
    """A server's context with one fault, or "none"; all else about it is right."""

    def __init__(self, folder: Path, fault: str) -> None:
        self._folder = folder
        self._fault = fault
        self._authority()
        self._certificate()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        if fault == "old protocol":
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                # That it is deprecated is the point.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.context.maximum_version = ssl.TLSVersion.TLSv1_1

    def trust(self) -> dict[str, Any]:
        """The options of a client that knows the authority, where that is not the fault."""
        if self._fault in {"self-signed", "unknown authority"}:
            return {}
        return {"ca_file": str(self._folder / "ca.pem")}

    def _authority(self) -> None:
        out = ["-keyout", "ca.key", "-out", "ca.pem", "-days", "2"]
        self._openssl("req", "-x509", *_EC, *out, "-subj", "/CN=authority")

    def _certificate(self) -> None:
        name = "elsewhere.example" if self._fault == "wrong host" else "localhost"
        extension = f"subjectAltName=DNS:{name}"
        subject = ["-subj", f"/CN={name}"]
        if self._fault == "self-signed":
            out = ["-keyout", "key.pem", "-out", "chain.pem", "-days", "2"]
            self._openssl("req", "-x509", *_EC, *out, *subject, "-addext", extension)
            return
        self._openssl("req", *_EC, "-keyout", "key.pem", "-out", "request.pem", *subject)
        (self._folder / "extension").write_text(extension)
        self._openssl(
            "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "chain.pem", "-extfile", "extension",
            "-days", "-1" if self._fault == "expired" else "2",
        )  # fmt: skip

    def _openssl(self, *arguments: str) -> None:
        command = ["openssl", *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)
