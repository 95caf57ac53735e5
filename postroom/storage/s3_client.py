"""boto3's client as Postroom wants it: time-outs, tries and sums set on purpose."""

import hashlib
from base64 import b64encode
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config as BotoConfig

from .s3_options import Keys, S3Options

CONNECT_SECONDS = 5.0
#: So often each request is tried; with the time-outs, a worker still answers within its deadline.
ATTEMPTS = 3
#: Requests at the same time.
THREADS = 8
#: What AWS calls the place that other servers do not have.
REGION = "us-east-1"

#: The descriptions that clients are made from, read once: 80 ms, and some megabytes.
_MODELS = botocore.loaders.create_loader()


def connect(options: S3Options, keys: Keys, ca_file: str | None) -> Any:
    """A client for threads; nothing is asked yet."""
    # A session of our own: the default one is shared with all others and not for threads.
    core = botocore.session.Session()
    core.register_component("data_loader", _MODELS)
    session = boto3.session.Session(botocore_session=core)
    client = session.client(
        "s3",
        endpoint_url=options.endpoint or None,
        region_name=options.region or session.region_name or REGION,
        aws_access_key_id=keys.access,
        aws_secret_access_key=keys.secret,
        verify=ca_file,
        config=BotoConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=options.timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # The store's own threads, and streams that are open meanwhile.
            max_pool_connections=4 * THREADS,
            tcp_keepalive=True,
            signature_version="s3v4",
            s3={"addressing_style": "path" if options.path_style else "virtual"},
            # Sums are ours (see Sums): those that boto3 adds by itself, many servers do not take.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_supported",
        ),
    )
    client.meta.events.register("before-sign.s3.DeleteObjects", _add_md5)
    return client


def base64(digest: bytes) -> str:
    """A digest as S3 writes it."""
    return b64encode(digest).decode("ascii")


def md5(body: bytes | bytearray) -> bytes:
    """What servers compare on arrival and tell as ETag; against accidents, not against forgers."""
    return hashlib.md5(body, usedforsecurity=False).digest()


def _add_md5(request: Any, **_: object) -> None:
    # AWS takes boto3's CRC32; others ask for what S3 began with.
    request.headers["Content-MD5"] = base64(md5(request.body))
