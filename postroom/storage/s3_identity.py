"""The object that holds the store's id, and shows what the server is able to do."""

import json
import secrets

from postroom.errors import ObjectMissingError

from .keys import RESERVED
from .s3_bucket import Bucket
from .s3_errors import S3RefusedError, S3UnsupportedError

STORE = f"{RESERVED}store"


def identify(bucket: Bucket) -> str:
    """The id of the store, made if it has none; sets what the bucket's server can do."""
    try:
        held = bucket.read(STORE)
    except ObjectMissingError:
        _put_as_it_can(bucket, json.dumps({"id": secrets.token_hex(16)}).encode())
        # Another process may have been faster.
        held = bucket.read(STORE)
    # The same bytes again: where they are refused, no object has to be looked for before a put.
    bucket.conditional = not _put_as_it_can(bucket, held)
    try:
        return str(json.loads(held)["id"])
    except (ValueError, KeyError, TypeError) as e:
        problem = f"{bucket.url(STORE)} is damaged, put back what it held: {e!r}"
        raise S3RefusedError("bucket", problem) from e


def _put_as_it_can(bucket: Bucket, body: bytes) -> bool:
    """Put with all that protects an object, or else without what the server does not know."""
    for conditional, sha256 in ((True, True), (False, True), (True, False)):
        bucket.conditional, bucket.sha256 = conditional, sha256
        try:
            return bucket.put(STORE, body, {})
        except S3UnsupportedError:
            pass
    bucket.conditional = False
    return bucket.put(STORE, body, {})
