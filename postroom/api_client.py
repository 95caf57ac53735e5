"""The API as the other daemons see it: typed calls, two kinds of errors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
import requests

from postroom import following, wire
from postroom.errors import RefusedError, TemporaryError, WireError

MSGPACK = "application/msgpack"
_PIECE = 256 * 1024
R = TypeVar("R", bound=msgspec.Struct)


class Delivered(NamedTuple):
    """What the API did with one mail."""

    status: str
    #: Seconds before another try; with status retry.
    after: float
    reason: str
    #: The number of the mail in the API; 0 where there is none.
    mail: int = 0


class Claimed(msgspec.Struct, frozen=True):
    """A task that is leased to whoever claimed it."""

    id: int
    kind: str
    source: str
    target: dict[str, Any] = {}


class Unparsed(msgspec.Struct, frozen=True):
    """A stored mail that another version of the parser read."""

    id: int
    sha256: str
    size: int


class Unparseds(msgspec.Struct, frozen=True):
    """Some of them, and how many there are in all."""

    items: list[Unparsed]
    left: int = 0


class _Claims(msgspec.Struct, frozen=True):
    tasks: list[Claimed] = []


class ApiClient:
    """One kept-alive connection; not for use by several threads at once.

    Every call raises TemporaryError when the API is away or busy, RefusedError when it says no.
    """

    def __init__(self, url: str, token: str = "", timeout: float = 30.0) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._session = requests.Session()
        # The API is a known address: no proxy or .netrc of the environment may come between.
        self._session.trust_env = False
        self._session.headers["Accept"] = MSGPACK
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def health(self) -> None:
        """Return when the API answers and can read its database."""
        self._call("GET", "/health")

    def read(self, path: str) -> dict[str, Any]:
        """What a GET answers."""
        return self._call("GET", path)

    def hello(self, request: wire.Hello, storage_id: str) -> wire.HelloReply:
        """Present a source; refused when master and API do not share the storage."""
        fields = {**_fields(request), "storage": storage_id}
        return self._typed(wire.HelloReply, f"{mailbox_path(request.mailbox)}/hello", fields)

    def offer(self, request: wire.Offer) -> wire.OfferReply:
        """Ask which of the listed keys are wanted."""
        return self._typed(
            wire.OfferReply, f"{mailbox_path(request.mailbox)}/offers", _fields(request)
        )

    def finish(self, request: wire.Pass) -> wire.PassReply:
        """Tell a window of a finished pass, or that a source waits."""
        return self._typed(
            wire.PassReply, f"{mailbox_path(request.mailbox)}/passes", _fields(request)
        )

    def links(self, request: wire.Links) -> wire.LinksReply:
        """Ask which of a page's links are to be downloaded."""
        return self._typed(wire.LinksReply, f"{page_path(request.page)}/links", _fields(request))

    def files(self, request: wire.Files) -> wire.FilesReply:
        """Tell what downloads came to."""
        return self._typed(wire.FilesReply, f"{page_path(request.page)}/files", _fields(request))

    def looked(self, request: wire.Looked) -> wire.LookedReply:
        """Tell the end of a look at a page."""
        return self._typed(wire.LookedReply, f"{page_path(request.page)}/looks", _fields(request))

    def pulse(self, request: wire.Pulse) -> wire.PulseReply:
        """Tell that a monitor lives; ask what it has to do."""
        return self._typed(wire.PulseReply, "/v1/pages/pulse", _fields(request))

    def deliver(
        self, mails: Sequence[msgspec.Struct], storage_id: str, batch: int
    ) -> list[Delivered]:
        """Hand over parsed mails; the answers stand in the same order.

        `batch` is the number of the storage's commit that holds their raw bytes.
        """
        told = {"Postroom-Storage": storage_id, "Postroom-Batch": str(batch)}
        answer = self._call("POST", "/api", msgspec.msgpack.encode(mails), told)
        items = answer.get("items", [])
        if len(items) != len(mails):
            raise TemporaryError(f"the API answered {len(items)} of {len(mails)} mails")
        return [
            Delivered(
                item["status"], item.get("after", 0.0), item.get("reason", ""), item.get("id", 0)
            )
            for item in items
        ]

    def claim(self, kinds: Sequence[str], worker: str, lease_seconds: float) -> list[Claimed]:
        """Take a task of these kinds for so long, if there is one."""
        asked = {"kinds": list(kinds), "worker": worker, "lease_seconds": lease_seconds}
        return self._typed(_Claims, "/v1/tasks/claim", asked).tasks

    def finish_task(self, task: int, worker: str, result: str) -> None:
        """Tell what came of a claimed task."""
        told = {"worker": worker, "result": result}
        self._call("POST", f"/v1/tasks/{task}/finish", wire.pack(told))

    def unparsed(self, version: int, limit: int) -> Unparseds:
        """List stored mails that were read by another version of the parser."""
        path = f"/v1/mails/unparsed?version={version}&limit={limit}"
        return self._typed(Unparseds, path, None)

    def reparsed(self, version: int, mails: Sequence[msgspec.Struct]) -> list[str]:
        """Hand over new records; what became of each, in the same order."""
        packed = msgspec.msgpack.encode({"version": version, "mails": mails})
        items = self._call("POST", "/v1/mails/reparsed", packed).get("items", [])
        if len(items) != len(mails):
            raise TemporaryError(f"the API answered {len(items)} of {len(mails)} mails")
        return [item["status"] for item in items]

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes that a GET answers, in pieces; whoever leaves early reads no more."""
        try:
            with self._session.get(
                self._url + path,
                headers=following.headers(),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code >= 400:
                    raise _error(response)
                yield from response.iter_content(_PIECE)
        except requests.RequestException as e:
            raise self._away(e) from e

    def close(self) -> None:
        """Let the connection go."""
        self._session.close()

    def _typed(self, kind: type[R], path: str, fields: dict[str, Any] | None) -> R:
        if fields is None:
            answer = self._call("GET", path)
        else:
            answer = self._call("POST", path, wire.pack(fields))
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as e:
            # It is there, and will say the same again: this concerns one mailbox, not all.
            raise RefusedError("not_understood", f"the API's answer to {path}: {e}") from e

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        kind = {} if body is None else {"Content-Type": MSGPACK}
        sent = {**following.headers(), **(headers or {}), **kind}
        try:
            response = self._session.request(
                method,
                self._url + path,
                data=body,
                headers=sent,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as e:
            raise self._away(e) from e
        return _answer(response)

    def _away(self, e: requests.RequestException) -> TemporaryError:
        return TemporaryError(f"the API at {self._url} does not answer: {_cause(e)}")


def _answer(response: requests.Response) -> dict[str, Any]:
    if response.status_code >= 400:
        raise _error(response)
    try:
        if response.headers.get("Content-Type", "").startswith(MSGPACK):
            answer = wire.unpack(response.content, most=100_000)
        else:
            answer = response.json()
    except (WireError, ValueError) as e:
        raise TemporaryError(f"the API's answer cannot be read: {e}") from e
    if not isinstance(answer, dict):
        raise TemporaryError("the API's answer is not an object: is this address the API's?")
    return answer


def _error(response: requests.Response) -> TemporaryError | RefusedError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    code = str(problem.get("code", f"http_{response.status_code}"))
    text = str(problem.get("detail") or problem.get("title") or response.reason)
    if response.status_code in (408, 425, 429) or response.status_code >= 500:
        after = response.headers.get("Retry-After", "")
        return TemporaryError(
            f"the API says {code}: {text}", float(after) if after.isdigit() else 5
        )
    return RefusedError(code, text)


def _cause(e: requests.RequestException) -> str:
    return type(e.__context__ or e).__name__


def _fields(request: wire.AnyRequest) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(request)
    return fields


def page_path(name: str) -> str:
    """The address of a watched page, without the server."""
    return f"/v1/pages/{quote(name, safe='')}"


def mailbox_path(name: str) -> str:
    """The address of a mailbox, without the server."""
    return f"/v1/mailboxes/{quote(name, safe='')}"
