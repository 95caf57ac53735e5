"""The objects of one store in a bucket: a method for each request, errors in our words."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from postroom.errors import ObjectMissingError, TemporaryError

from . import BadKeyError, Entry
from .keys import LONGEST_KEY
from .s3_client import base64, md5
from .s3_errors import S3RefusedError, is_gone, is_held, translated
from .s3_options import S3Options

PIECE = 1024 * 1024
GIGABYTE = 1024 * PIECE
#: Headers that an object keeps when it is touched.
_KEPT = ("ContentType", "ContentDisposition", "ContentEncoding", "CacheControl", "Metadata")


#: One request copies 5 GB at most; larger objects are copied in pieces.
_COPYING = TransferConfig(
    multipart_threshold=4 * GIGABYTE, multipart_chunksize=GIGABYTE, use_threads=False
)


class Head(NamedTuple):
    """What S3 tells of an object besides its bytes; `touched` is in seconds since 1970."""

    size: int
    touched: float
    headers: Mapping[str, Any]


class Bucket:
    """All objects whose names begin with `root`, by the rest of their names."""

    #: The most that one request lists or deletes.
    at_once = 1_000

    def __init__(self, client: Any, options: S3Options, root: str) -> None:
        self.client = client
        self.options = options
        self.root = root
        #: Does the server keep a put with If-None-Match from replacing what is there?
        self.conditional = False
        #: Does it take SHA-256 sums?
        self.sha256 = True

    def place(self, key: str) -> dict[str, str]:
        """The object as all requests name it."""
        name = self.root + key
        if len(name.encode()) > LONGEST_KEY:
            raise BadKeyError(
                f"a key and its prefix have at most {LONGEST_KEY} bytes: {name[:200]!r}"
            )
        return {"Bucket": self.options.bucket, "Key": name}

    @property
    def only_new(self) -> dict[str, str]:
        """What a request says that must not replace an object."""
        return {"IfNoneMatch": "*"} if self.conditional else {}

    def sums(self, md5: bytes, sha256: bytes) -> dict[str, str]:
        """What a request says of its bytes: the server refuses others."""
        more = {"ChecksumSHA256": base64(sha256)} if self.sha256 else {}
        return {"ContentMD5": base64(md5), **more}

    def url(self, key: str) -> str:
        """The object's address."""
        bucket, name = self.place(key).values()
        if not self.options.endpoint:
            return f"s3://{bucket}/{quote(name)}"
        return f"{self.options.endpoint.rstrip('/')}/{bucket}/{quote(name)}"

    def head(self, key: str) -> Head | None:
        """Size, time and headers; None when there is no such object."""
        place = self.place(key)
        try:
            with translated(self.options.bucket, key):
                told = self.client.head_object(**place)
        except ObjectMissingError:
            return None
        headers = {name: told[name] for name in _KEPT if told.get(name)}
        return Head(told["ContentLength"], told["LastModified"].timestamp(), headers)

    def size(self, key: str) -> int:
        """Bytes; ObjectMissingError."""
        head = self.head(key)
        if head is None:
            raise ObjectMissingError(f"no object {key!r} is stored")
        return head.size

    def read(self, key: str) -> bytes:
        """A small object; ObjectMissingError."""
        with translated(self.options.bucket, key):
            body: bytes = self.get(key)["Body"].read()
        return body

    def demand(self) -> None:
        """Raise S3RefusedError unless the bucket is there."""
        with translated(self.options.bucket):
            self.client.list_objects_v2(Bucket=self.options.bucket, Prefix=self.root, MaxKeys=1)

    def put(self, key: str, body: bytes | bytearray, headers: Mapping[str, str]) -> bool:
        """Store an object and prove that it arrived; False if one was there and stays."""
        place, sha256 = self.place(key), hashlib.sha256(body).digest()
        with translated(self.options.bucket, key):
            try:
                told = self.client.put_object(
                    **place,
                    Body=body,
                    **self.sums(md5(body), sha256),
                    **headers,
                    **self.only_new,
                    **self.options.encrypted,
                )
            except ClientError as e:
                if is_held(e):
                    return False
                raise
        try:
            self.demand_encryption(told)
        except S3RefusedError:
            self.delete([key])
            raise
        if told.get("ChecksumSHA256") != base64(sha256) and etag(told) != md5(body).hex():
            self.read_back(key, sha256)
        return True

    def read_back(self, key: str, sha256: bytes) -> None:
        """Prove by its bytes what no answer proved; what arrived otherwise is deleted."""
        digest = hashlib.sha256()
        body = self.get(key)["Body"]
        with translated(self.options.bucket, key):
            for piece in body.iter_chunks(PIECE):
                digest.update(piece)
        if digest.digest() != sha256:
            self.delete([key])
            raise TemporaryError(f"{key}: S3 holds other bytes than were sent")

    def demand_encryption(self, told: Mapping[str, Any]) -> None:
        """Raise S3RefusedError if the server let the wish for encryption fall."""
        wanted = self.options.encrypted.get("ServerSideEncryption")
        if wanted and told.get("ServerSideEncryption") != wanted:
            raise S3RefusedError("encryption", f"the server does not encrypt by {wanted}")

    def copy_onto_itself(self, key: str, headers: Mapping[str, Any]) -> None:
        """Renew the object's time; ObjectMissingError."""
        place = self.place(key)
        with translated(self.options.bucket, key):
            self.client.copy(
                place,
                **place,
                ExtraArgs={"MetadataDirective": "REPLACE", **headers, **self.options.encrypted},
                Config=_COPYING,
            )

    def get(self, key: str, **conditions: str) -> dict[str, Any]:
        """boto3's answer, whose Body is a stream; ObjectMissingError."""
        place = self.place(key)
        with translated(self.options.bucket, key):
            answer: dict[str, Any] = self.client.get_object(**place, **conditions)
        return answer

    def pages(self, after: str) -> Iterator[list[Entry]]:
        """All objects above `after`, sorted by key, a request a page."""
        start = self.place(after)["Key"]
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.options.bucket,
            Prefix=self.root,
            StartAfter=start,
            PaginationConfig={"PageSize": self.at_once},
        )
        with translated(self.options.bucket):
            for page in pages:
                yield [self._entry(told) for told in page.get("Contents", [])]

    def delete(self, keys: Collection[str]) -> None:
        """Delete at most `at_once` objects; those that are not there are no error."""
        names = [{"Key": self.place(key)["Key"]} for key in keys]
        with translated(self.options.bucket):
            answer = self.client.delete_objects(
                Bucket=self.options.bucket, Delete={"Objects": names, "Quiet": True}
            )
            for error in answer.get("Errors", [])[:1]:
                # The same errors as elsewhere, only that this request tells them in its body.
                raise ClientError({"Error": error}, "DeleteObjects")

    def abort(self, name: str, upload: str) -> None:
        """Give up an upload of parts, also one that is gone already."""
        with translated(self.options.bucket):
            try:
                self.client.abort_multipart_upload(
                    Bucket=self.options.bucket, Key=name, UploadId=upload
                )
            except ClientError as e:
                if not is_gone(e):
                    raise

    def abort_begun_before(self, moment: float) -> int:
        """Give up uploads that nobody will complete; how many there were."""
        bucket = self.options.bucket
        with translated(bucket):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Prefix=self.root
            )
            begun = [told for page in pages for told in page.get("Uploads", [])]
        old = [told for told in begun if told["Initiated"].timestamp() < moment]
        for told in old:
            self.abort(told["Key"], told["UploadId"])
        return len(old)

    def presigned(self, key: str, headers: Mapping[str, str], seconds: int) -> str:
        """An address that opens the object to whoever has it; nothing is asked for this."""
        told = {f"Response{name}": value for name, value in headers.items()}
        with translated(self.options.bucket, key):
            url: str = self.client.generate_presigned_url(
                "get_object", Params={**self.place(key), **told}, ExpiresIn=seconds
            )
        return url

    def _entry(self, told: Mapping[str, Any]) -> Entry:
        key = told["Key"].removeprefix(self.root)
        return Entry(key, told["Size"], told["LastModified"].timestamp())


def etag(told: Mapping[str, Any]) -> str:
    """The ETag without its quotes: most servers tell the MD5 by it."""
    return str(told.get("ETag", "")).strip('"')
