"""Objects in a bucket of S3, or of a server that speaks it: for any number of hosts."""

import hashlib
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from io import BufferedReader
from itertools import islice
from typing import Self, TypeVar

from postroom.errors import ObjectMissingError, PostroomError, TemporaryError
from postroom.settings import Config

from . import (
    ABANDONED_SECONDS,
    TOUCH_SECONDS,
    BadKeyError,
    Entry,
    ObjectDamagedError,
    Place,
)
from .keys import check_key, matches, named_hash
from .s3_bucket import Bucket
from .s3_client import THREADS, connect
from .s3_errors import S3RefusedError, translated
from .s3_headers import described
from .s3_identity import identify
from .s3_options import SECTION, S3Options, keys
from .s3_parts import Parts
from .s3_stream import stream
from .s3_writer import S3Writer, WaitingWriter

#: So often a put looks again while others put and delete the same key.
ROUNDS = 5
#: One request for a page of the listing takes about as long as so many for single objects.
PAGE_COSTS = 10

T = TypeVar("T")
R = TypeVar("R")


class S3Storage:
    """See Storage; docs/decisions/0012-objects-in-s3.md says what is otherwise here and why.

    S3 counts no commits: batch() is always 0, and what was lost shows in the listing.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._threads = ThreadPoolExecutor(THREADS, "s3")
        self.id = identify(bucket)
        self._bucket.abort_begun_before(time.time() - ABANDONED_SECONDS)

    @classmethod
    def open(cls, place: Place) -> Self:
        """Open the bucket of [storage s3]; see Storage."""
        options = place.config.section(SECTION, S3Options)
        try:
            with translated(options.bucket):
                client = connect(
                    options, keys(options, place.config), _ca_file(options, place.config)
                )
                return cls(Bucket(client, options, options.root(place.keeps)))
        except S3RefusedError as e:
            with place.config.blaming(SECTION, e.key):
                raise PostroomError(str(e)) from e

    def batch(self) -> int:
        """Always 0; see Storage."""
        return 0

    def put_many(self, objects: Iterable[tuple[str, bytes | memoryview]]) -> int:
        """Keep all objects; see Storage."""
        wanted: dict[str, bytes | memoryview] = {}
        for key, body in objects:
            self._check(key)
            wanted.setdefault(key, body)
        self._each(lambda item: self._put(item[0], bytes(item[1]), {}), wanted.items())
        return self.batch()

    def open_write(
        self, key: str | None = None, *, type: str = "", name: str = ""
    ) -> S3Writer | WaitingWriter:
        """Take a large object in pieces; see Storage."""
        headers = described(type, name)
        if key is None:
            return WaitingWriter(lambda key: self._writer(key, headers))
        self._check(key)
        return self._writer(key, headers)

    def get(self, key: str) -> bytes:
        """The whole object; see Storage."""
        with self.open_read(key) as whole:
            body = whole.read()
        wanted = named_hash(key)
        if wanted and hashlib.sha256(body).hexdigest() != wanted:
            raise ObjectDamagedError(f"{key}: S3 holds other bytes than the key says")
        return body

    def open_read(self, key: str, start: int = 0, length: int | None = None) -> BufferedReader:
        """The object or a range of it as a stream; see Storage."""
        self._check(key)
        return stream(self._bucket, key, start, length)

    def size(self, key: str) -> int:
        """The object's length in bytes; see Storage."""
        self._check(key)
        return self._bucket.size(key)

    def exists(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that are held."""
        for key in keys:
            self._check(key)
        held, rest = self._listed(sorted(set(keys)))
        heads = self._each(self._bucket.head, rest)
        if None in heads:
            # A bucket that is not there answers to this question as an object does.
            self._bucket.demand()
        return held | {key for key, head in zip(rest, heads, strict=True) if head}

    def verify(self, key: str) -> bool:
        """Read it all and compare; see Storage."""
        try:
            with self.open_read(key) as whole:
                return matches(key, whole)
        except ObjectMissingError:
            return False

    def list(self, after: str = "") -> Iterator[Entry]:
        """All objects with keys above `after`, sorted by key."""
        for page in self._bucket.pages(after):
            yield from (entry for entry in page if _is_key(entry.key))

    def delete(self, keys: Collection[str], *, untouched_since: float | None = None) -> int:
        """Forget the objects; see Storage.

        S3 has no lock: what is touched between the last look and the request after it goes too.
        """
        limit = float("inf") if untouched_since is None else untouched_since
        for key in keys:
            self._check(key)
        wanted, deleted = iter(set(keys)), 0
        while some := list(islice(wanted, self._bucket.at_once)):
            heads = zip(some, self._each(self._bucket.head, some), strict=True)
            if doomed := [key for key, head in heads if head and head.touched < limit]:
                self._bucket.delete(doomed)
                deleted += len(doomed)
        return deleted

    def url(self, key: str) -> str:
        """The object's address at the endpoint; s3://bucket/key without one."""
        self._check(key)
        return self._bucket.url(key)

    def presigned(self, key: str, name: str = "", type: str = "", seconds: int = 300) -> str:
        """See Presigning."""
        self._check(key)
        return self._bucket.presigned(key, described(type, name), seconds)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._threads.shutdown()
        self._bucket.client.close()

    def _check(self, key: str) -> None:
        check_key(key)
        self._bucket.place(key)

    def _put(self, key: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Store an object, or renew the time of the one that is there."""
        for _ in range(ROUNDS):
            # Where the server would replace it, it is looked for first.
            if not self._bucket.conditional and self._touch(key):
                return
            if self._bucket.put(key, body, headers) or self._touch(key):
                return
        raise TemporaryError(f"{key}: others put and delete it at the same time")

    def _touch(self, key: str) -> bool:
        """Renew the object's time if that is old; False when there is no object."""
        head = self._bucket.head(key)
        if head is None:
            return False
        if head.touched < time.time() - TOUCH_SECONDS:
            try:
                self._bucket.copy_onto_itself(key, head.headers)
            except ObjectMissingError:
                return False
        return True

    def _writer(self, key: str, headers: Mapping[str, str]) -> S3Writer:
        return S3Writer(
            key,
            Parts(self._bucket, key, headers),
            self._bucket.options.part_bytes,
            put=lambda body: self._put(key, body, headers),
            touch=lambda: self._touch(key),
        )

    def _listed(self, wanted: Sequence[str]) -> tuple[set[str], Sequence[str]]:
        """Those of the sorted keys that the first pages show, and those that are behind these."""
        pages = len(wanted) * PAGE_COSTS // self._bucket.at_once
        if not pages:
            return set(), wanted
        # The listing begins above a key, so the first one is asked for by itself.
        first, rest = wanted[:1], wanted[1:]
        most = pages * self._bucket.at_once
        entries = [entry.key for entry in islice(self.list(first[0]), most)]
        behind = entries[-1] if len(entries) == most else None
        unknown = [key for key in rest if behind is not None and key > behind]
        return set(entries) & set(rest), [*first, *unknown]

    def _each(self, work: Callable[[T], R], items: Collection[T]) -> Sequence[R]:
        """Do it for all at the same time; the first error is raised when all have ended."""
        if len(items) < 2:
            return [work(item) for item in items]
        futures = [self._threads.submit(work, item) for item in items]
        wait(futures)
        return [future.result() for future in futures]


def _is_key(key: str) -> bool:
    # People put objects here too.
    try:
        check_key(key)
    except BadKeyError:
        return False
    return True


def _ca_file(options: S3Options, config: Config) -> str | None:
    if not options.ca_file:
        return None
    path = config.path_of(options.ca_file)
    try:
        ssl.create_default_context(cafile=path)
    except OSError as e:
        raise S3RefusedError("ca_file", f"{path}: no certificates can be read from it: {e}") from e
    return str(path)
