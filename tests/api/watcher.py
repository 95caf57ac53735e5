"""What a monitor says to the API by way of a master, in the words of the tests."""

import hashlib
from typing import Any

import msgspec

from api.models import Event
from postroom import wire
from tests.api.caller import Caller

SITE = "https://example.org/"


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


class Watcher:
    """One monitor that watches the page `prices`."""

    def __init__(self, api: Caller, page: str = "prices") -> None:
        self.api, self.page = api, page

    def links(self, *paths: str, **more: Any) -> dict[str, str]:
        """Tell of links; what is wanted of which."""
        links = [wire.Link(url=SITE + path, text=f"the {path}") for path in paths]
        told = wire.Links(page=self.page, url=SITE, links=links, **more)
        answer = self.api.post(f"/v1/pages/{self.page}/links", told)
        wanted = msgspec.convert(answer, wire.LinksReply).wanted
        return {each.url.removeprefix(SITE): each.what for each in wanted}

    def stored(self, path: str, content: str = "", **more: Any) -> wire.FileRecord:
        """The record of a download; its bytes are put into the store."""
        digest, name = sha(content), path.rpartition("/")[2]
        key = f"pages/{self.page}/{digest}/{name}"
        self.api.files.put_many([(key, content.encode())])
        fields = {"name": name, "etag": f'"{digest[:8]}"', "key": key, **more}
        return wire.FileRecord(url=SITE + path, outcome="stored", sha256=digest,
                               size=len(content), **fields)  # fmt: skip

    def failed(self, path: str, reason: str = "404 Not Found") -> wire.FileRecord:
        return wire.FileRecord(url=SITE + path, outcome="failed", reason=reason)

    def unchanged(self, path: str) -> wire.FileRecord:
        return wire.FileRecord(url=SITE + path, outcome="unchanged")

    def tell(self, *records: wire.FileRecord, **more: Any) -> list[str]:
        """Tell what downloads came to; the statuses."""
        return [item.status for item in self.told(*records, **more).items]

    def told(self, *records: wire.FileRecord, **more: Any) -> wire.FilesReply:
        request = wire.Files(page=self.page, storage=self.api.files.id, items=list(records), **more)
        answer = self.api.post(f"/v1/pages/{self.page}/files", request)
        return msgspec.convert(answer, wire.FilesReply)

    def looked(self, links: int = 1, **more: Any) -> wire.LookedReply:
        fields = {"next_look": 3_600.0, **more}
        request = wire.Looked(page=self.page, url=SITE, links=links, **fields)
        answer = self.api.post(f"/v1/pages/{self.page}/looks", request)
        return msgspec.convert(answer, wire.LookedReply)

    def pulse(self, *, mails: bool = True, **more: Any) -> list[wire.WatchTask]:
        request = wire.Pulse(pages=[self.page], mails=mails, **more)
        answer = self.api.post("/v1/pages/pulse", request)
        return msgspec.convert(answer, wire.PulseReply).tasks

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/v1/pages/{self.page}")
        return found


def events(kind: str = "") -> list[tuple[str, str]]:
    """Kinds of what happened, and the file or page that each is about."""
    found = Event.select().order_by(Event.id)
    return [
        (event.kind, event.about.get("url", "").removeprefix(SITE))
        for event in found
        if event.kind.startswith(kind)
    ]
