"""An object of S3 as a stream that goes on where a connection broke."""

from io import BufferedReader
from typing import Any

from botocore.exceptions import BotoCoreError

from postroom.errors import TemporaryError

from .s3_bucket import Bucket
from .s3_errors import NoSuchRangeError, translation
from .streams import check_range, ranged

#: Connections in a row that may break without a byte.
TRIES = 3


def stream(bucket: Bucket, key: str, start: int = 0, length: int | None = None) -> BufferedReader:
    """Bytes `start` to `start + length`, in constant memory; ObjectMissingError."""
    check_range(start, length)
    if length == 0:
        size = bucket.size(key)
        return ranged(lambda _position, _wanted: b"", size, start, 0)
    try:
        answer = bucket.get(key, **_range(start, length))
    except NoSuchRangeError:
        return ranged(lambda _position, _wanted: b"", start, start, None)
    body = _Body(bucket, key, answer, stop=start + answer["ContentLength"])
    return ranged(body.read_at, body.stop, start, None, body.close)


class _Body:
    def __init__(self, bucket: Bucket, key: str, answer: dict[str, Any], stop: int) -> None:
        self._bucket = bucket
        self._key = key
        self._etag = answer["ETag"]
        self._open: Any = answer["Body"]
        self.stop = stop

    def read_at(self, position: int, wanted: int) -> bytes:
        """The next bytes; positions follow one another."""
        problem = "the connection ended too early"
        for _ in range(TRIES):
            try:
                piece = bytes(self._opened(position).read(wanted))
            except BotoCoreError as e:
                error = translation(e, self._bucket.options.bucket, self._key)
                if not isinstance(error, TemporaryError):
                    raise error from e
                problem = str(error)
            else:
                if piece:
                    return piece
            self.close()
        raise TemporaryError(f"{self._key}: {problem}")

    def close(self) -> None:
        """Drop the connection: what is left of the answer is not read."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _opened(self, position: int) -> Any:
        if self._open is None:
            rest = _range(position, self.stop - position)
            self._open = self._bucket.get(self._key, IfMatch=self._etag, **rest)["Body"]
        return self._open


def _range(start: int, length: int | None) -> dict[str, str]:
    if start == 0 and length is None:
        # The whole comes with the sum that the server may keep, and boto3 compares.
        return {}
    return {"Range": f"bytes={start}-{'' if length is None else start + length - 1}"}
