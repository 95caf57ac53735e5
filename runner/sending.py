"""One webhook, one connection: signed, to checked addresses, no redirects, bounded."""

import hashlib
import hmac
import socket
import ssl
import time
from threading import Event
from typing import NamedTuple

import requests
from urllib3.exceptions import HTTPError

import postroom
from postroom.courier import ClaimedDelivery
from postroom.errors import PostroomError, SourceError, TemporaryError
from postroom.web import addresses
from postroom.web.answers import cause_of, causes, retry_after
from postroom.web.sockets import Adapter, Gate, Watch

#: Bytes of an answer that are read, so that the connection can be used again.
MOST_BYTES = 64 * 1024
REMEDY = "set webhook_private = yes in [runner] if it is meant"
#: Statuses whose Retry-After counts.
LATER = (429, 503)


class Result(NamedTuple):
    """What came of one try."""

    #: The status; None where no answer came.
    status: int | None
    #: Empty when it was taken; never with the address, which may hold a secret.
    error: str = ""
    after_seconds: float = 0.0


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, a full stop and body."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


class Sender:
    """For one thread, as long as a claim lasts; `stop` ends what is under way."""

    def __init__(
        self,
        url: str,
        secret: str,
        stop: Event,
        *,
        seconds: float = 30.0,
        private: bool = False,
        ca_file: str = "",
        resolve: addresses.Resolve = socket.getaddrinfo,
    ) -> None:
        self._url, self._secret, self._seconds = url, secret, seconds
        self._private, self._resolve = private, resolve
        self._watch = Watch(stop, seconds)
        # No session: it would take proxies and .netrc from the environment, round all checks.
        self._adapter = Adapter(Gate(self._resolved, self._watch), ca_file)

    def send(self, webhook: int, delivery: ClaimedDelivery) -> Result:
        """Try it once."""
        body = delivery.body.encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Postroom/{postroom.__version__}",
            "Accept-Encoding": "identity",
            "Postroom-Webhook": str(webhook),
            "Postroom-Event": str(delivery.event),
            "Postroom-Kind": delivery.kind,
            "Postroom-Attempt": str(delivery.attempt),
            "Postroom-Timestamp": timestamp,
            "Postroom-Signature": signature(self._secret, timestamp, body),
        }
        self._watch.begin("the receiver", self._seconds, MOST_BYTES)
        try:
            request = requests.Request("POST", self._url, headers=headers, data=body)
            response = self._adapter.send(request.prepare(), stream=True, timeout=self._seconds)
            try:
                return self._read(response)
            finally:
                response.close()
        except PostroomError as e:
            return Result(None, str(e))
        except (requests.RequestException, HTTPError, ValueError) as e:
            return Result(None, _words(e))

    def _read(self, response: requests.Response) -> Result:
        # What it says is nobody's business; read, so that the connection can be used again.
        response.raw.read(MOST_BYTES, decode_content=False)
        status = response.status_code
        if 200 <= status < 300:
            return Result(status)
        told = response.headers.get("Retry-After") if status in LATER else None
        what = ": redirects are not followed" if 300 <= status < 400 else ""
        return Result(status, f"the receiver answers {status}{what}", retry_after(told) or 0.0)

    def close(self) -> None:
        """Let the connection go."""
        self._adapter.close()

    def _resolved(self, host: str, port: int) -> list[addresses.Answer]:
        return addresses.resolved(
            host.strip("[]"), port, self._resolve, allowed=self._private, remedy=REMEDY
        )


def _words(error: Exception) -> str:
    for cause in causes(error):
        if isinstance(cause, SourceError | TemporaryError):
            return str(cause)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the receiver's certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, TimeoutError):
            return "the receiver does not answer in time"
    if isinstance(error, requests.exceptions.InvalidURL):
        return "the address cannot be used"
    return f"the receiver does not answer: {cause_of(error)}"
