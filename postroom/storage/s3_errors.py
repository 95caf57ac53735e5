"""What S3 and the way to it answer, as errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from time import time

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from postroom.errors import ObjectMissingError, PostroomError, TemporaryError

from . import ObjectDamagedError

#: Seconds until a running daemon asks again whether somebody has mended it.
MENDING_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0

_MISSING = {"404", "NoSuchKey", "NotFound"}
_HELD = {"412", "PreconditionFailed"}
_PASSING = {
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "NoSuchUpload",
    "OperationAborted",
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "XAmzContentSHA256Mismatch",
    # Full, as a disk may be.
    "EntityTooLarge",
    "QuotaExceeded",
}
_UNKNOWN = {"InvalidArgument", "InvalidRequest", "NotImplemented", "501"}
_ALLOW = (
    "the access key may not do this: allow it to get, put, list and delete objects in the bucket"
    " {bucket!r}, and to list and abort its multipart uploads"
)
_KEYS = "see access_key_file in docs/settings.md"
#: The key of [storage s3] to look at, and what to do.
_MENDING = {
    "InvalidAccessKeyId": ("access_key_file", f"S3 does not know this access key: {_KEYS}"),
    "SignatureDoesNotMatch": (
        "secret_key_file",
        f"the secret key does not belong to the access key, or S3 knows neither: {_KEYS}",
    ),
    "ExpiredToken": ("access_key_file", "the session of the access key has ended: get another"),
    "InvalidToken": ("access_key_file", "the session token is not valid: get another"),
    "RequestTimeTooSkewed": (
        "endpoint",
        "this machine's clock and that of S3 are too far apart: set the clock, best by NTP",
    ),
    "NoSuchBucket": ("bucket", "there is no bucket {bucket!r}: create it, or name another"),
    "InvalidBucketName": ("bucket", "{bucket!r} cannot be the name of a bucket: name another"),
    "AccessDenied": ("access_key_file", _ALLOW),
    "AllAccessDisabled": ("access_key_file", _ALLOW),
    "403": ("access_key_file", _ALLOW),
    "KMS.DisabledException": ("kms_key", "the key of KMS is disabled: enable it"),
    "KMS.NotFoundException": ("kms_key", "KMS does not know this key: name another"),
    "InvalidObjectState": (
        "bucket",
        "the object was moved to an archive class: restore it, and let no lifecycle rule do this",
    ),
    **dict.fromkeys(
        ("301", "PermanentRedirect", "AuthorizationHeaderMalformed"),
        ("region", "the bucket {bucket!r} is in another region: set the one that it is in"),
    ),
}


class NoSuchRangeError(TemporaryError):
    """The range begins behind the object's end."""


class S3RefusedError(TemporaryError):
    """Somebody must mend the setting `key` or what it names; daemons that run try on till then."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message, MENDING_SECONDS)
        self.key = key


class S3UnsupportedError(S3RefusedError):
    """The server does not know something that the request said."""


@contextmanager
def translated(bucket: str, key: str = "") -> Iterator[None]:
    """Turn boto3's errors into ours; `key` is the object that may be missing."""
    try:
        yield
    except (ClientError, BotoCoreError) as e:
        raise translation(e, bucket, key) from e


def translation(e: Exception, bucket: str, key: str) -> PostroomError:
    """Our error for one of boto3's: does it pass, is the object away, must somebody mend it?"""
    match e:
        case ClientError():
            return _answered(e, bucket, key)
        case FlexibleChecksumError():
            return ObjectDamagedError(f"{key}: the bytes do not fit the checksum that S3 keeps")
        case SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(e):
            text = f"the server's certificate cannot be trusted, set that of its authority: {e}"
            return S3RefusedError("ca_file", text)
        case BotoConnectionError() | HTTPClientError() | IncompleteReadError():
            return TemporaryError(f"S3 cannot be reached: {e}")
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return S3RefusedError("access_key_file", f"there are no keys for S3: {_KEYS}: {e}")
    return S3RefusedError("bucket", str(e))


def is_missing(e: ClientError) -> bool:
    """Is the object not there?"""
    return _code(e) in _MISSING


def is_held(e: ClientError) -> bool:
    """Was a put refused because the object is there?"""
    return _code(e) in _HELD


def is_gone(e: ClientError) -> bool:
    """Was an upload of parts completed or given up before?"""
    return _code(e) == "NoSuchUpload"


def _answered(e: ClientError, bucket: str, key: str) -> PostroomError:
    code, status = _code(e), _status(e)
    error: PostroomError = S3RefusedError("bucket", f"S3 refuses: {e}")
    if is_missing(e):
        error = ObjectMissingError(f"no object {key!r} is stored")
    elif status == 416:
        error = NoSuchRangeError(f"{key}: {e}")
    elif code in _MENDING:
        setting, sentence = _MENDING[code]
        error = S3RefusedError(setting, f"{sentence.format(bucket=bucket)} ({e})")
    elif code in _UNKNOWN and "encryption" in str(e).lower():
        error = S3RefusedError("encryption", f"the server cannot do this, set another: {e}")
    elif code in _UNKNOWN:
        error = S3UnsupportedError("endpoint", f"the server cannot do what is needed: {e}")
    elif code in _PASSING or status == 429 or status >= 500:
        error = TemporaryError(f"S3 asks to come again: {e}", _after(e))
    return error


def _code(e: ClientError) -> str:
    return str(e.response.get("Error", {}).get("Code", ""))


def _status(e: ClientError) -> int:
    return int(e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _after(e: ClientError) -> float:
    """Seconds that Retry-After asks for (RFC 9110, 10.2.3: a number or a date)."""
    told = e.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    try:
        after = (
            float(told) if told.isdecimal() else parsedate_to_datetime(told).timestamp() - time()
        )
    except ValueError:
        return TemporaryError("").after
    return min(max(after, 1.0), LONGEST_PAUSE_SECONDS)
