"""An object that goes into S3 in parts: all or nothing, and proven when it is complete."""

import hashlib
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import ClientError

from postroom.errors import PostroomError, SettingsError

from .s3_bucket import Bucket, etag
from .s3_client import base64, md5
from .s3_errors import is_gone, is_held, translated

log = logging.getLogger(__name__)
#: S3's own limit.
MOST_PARTS = 10_000


class Parts:
    """A multipart upload: begun with its first part, proven when it is complete."""

    def __init__(self, bucket: Bucket, key: str, headers: Mapping[str, str]) -> None:
        self._bucket = bucket
        self._client = bucket.client
        self._place = bucket.place(key)
        self._key = key
        self._headers = headers
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._md5s = b""
        self._sha256s = b""
        self._sha256 = hashlib.sha256()

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, body: bytearray) -> None:
        """Upload the next part; one that failed may be tried again."""
        if len(self) == MOST_PARTS:
            raise SettingsError(
                f"{self._key}: S3 takes {MOST_PARTS} parts: raise [storage s3] part_megabytes"
            )
        number, body_md5, body_sha256 = len(self) + 1, md5(body), hashlib.sha256(body).digest()
        with self._translated():
            told = self._client.upload_part(
                **self._place,
                UploadId=self._begin(),
                PartNumber=number,
                Body=body,
                **self._bucket.sums(body_md5, body_sha256),
            )
        sums = {name: told[name] for name in ("ETag", "ChecksumSHA256") if name in told}
        self._parts.append({"PartNumber": number, **sums})
        self._md5s += body_md5
        self._sha256s += body_sha256
        self._sha256.update(body)

    def complete(self) -> bool:
        """Make the parts one object; False if one was there and stays, or the upload is gone."""
        with self._translated():
            try:
                told = self._client.complete_multipart_upload(
                    **self._place,
                    UploadId=self._upload,
                    MultipartUpload={"Parts": self._parts},
                    **self._bucket.only_new,
                )
            except ClientError as e:
                if is_held(e) or is_gone(e):
                    return False
                raise
        self._upload = None
        # What is told of an object of parts is a sum of their sums.
        told_md5, told_sha256 = etag(told), told.get("ChecksumSHA256", "")
        if (
            told_md5 != f"{md5(self._md5s).hex()}-{len(self)}"
            and told_sha256 != self._sum_of_sums()
        ):
            self._bucket.read_back(self._key, self._sha256.digest())
        return True

    def abort(self) -> None:
        """Give up what is not complete; if that fails, it goes when the store is opened later."""
        if self._upload is not None:
            try:
                self._bucket.abort(self._place["Key"], self._upload)
            except PostroomError as e:
                log.warning("an upload to S3 is left for another day: %s", e)
            self._upload = None

    def _sum_of_sums(self) -> str:
        return f"{base64(hashlib.sha256(self._sha256s).digest())}-{len(self)}"

    def _begin(self) -> str:
        if self._upload is None:
            told = self._client.create_multipart_upload(
                **self._place,
                **({"ChecksumAlgorithm": "SHA256"} if self._bucket.sha256 else {}),
                **self._headers,
                **self._bucket.options.encrypted,
            )
            self._upload = str(told["UploadId"])
            # Before any byte is on its way.
            self._bucket.demand_encryption(told)
        return self._upload

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self._bucket.options.bucket, self._key)
