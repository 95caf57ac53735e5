"""What a master says to the API, in the words of the tests."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import msgspec
from flask import Flask
from werkzeug.test import TestResponse

from api.database import Database
from postroom import wire
from postroom.headers import header_block, header_sha256
from postroom.storage import Storage

MSGPACK = "application/msgpack"
WHOLE = (1, 2**32 - 1)


def mail_bytes(number: int, body: str = "hello") -> bytes:
    """A small mail of its own."""
    head = f"From: Ann <ann@example.org>\r\nSubject: mail {number}\r\nMessage-ID: <{number}@x>"
    return f"{head}\r\n\r\n{body} {number}\r\n".encode()


class Caller:
    """One API and the mailbox `work` in it."""

    def __init__(
        self, app: Flask, db: Database, storage: Storage, files: Storage | None = None
    ) -> None:
        self.app, self.db, self.storage = app, db, storage
        self.files = files or storage
        self.client = app.test_client()
        self.mailbox, self.epoch, self.uidvalidity = "work", 1, 7

    def use(self, storage: Storage) -> None:
        """Serve from another store."""
        self.storage = self.app.config["STORAGE"] = storage

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        response = self.client.get(path, headers=headers)
        assert response.status_code == status, response.text
        return response.json

    def post(self, path: str, value: Any, status: int = 200, **headers: Any) -> Any:
        response = self.send(path, value, **headers)
        assert response.status_code == status, response.text
        return wire.unpack(response.data) if response.mimetype == MSGPACK else response.json

    def send(self, path: str, value: Any, **headers: Any) -> TestResponse:
        sent = {"Content-Type": MSGPACK, "Accept": MSGPACK, **headers}
        return self.client.post(path, data=wire.pack(msgspec.to_builtins(value)), headers=sent)

    def hello(self, fingerprint: str = "imap:host:ann", status: int = 200) -> Any:
        told = wire.Hello(
            mailbox=self.mailbox,
            kind="imap",
            fingerprint=fingerprint,
            interval=10.0,
            version="1",
        )
        fields = {**msgspec.to_builtins(told), "storage": self.storage.id}
        answer = self.post(f"/v1/mailboxes/{self.mailbox}/hello", fields, status)
        self.epoch = answer.get("epoch", self.epoch)
        return answer

    def place(self) -> dict[str, Any]:
        """The fields that name the folder."""
        return {
            "mailbox": self.mailbox,
            "epoch": self.epoch,
            "folder": "INBOX",
            "uidvalidity": self.uidvalidity,
        }

    def offer(self, *ranges: tuple[int, int], **more: Any) -> wire.OfferReply:
        window = wire.Window(low=WHOLE[0], high=WHOLE[1], ranges=list(ranges))
        return self.ask_offer(wire.Offer(**self.place(), window=window, **more))

    def ask_offer(self, offer: wire.Offer) -> wire.OfferReply:
        answer = self.post(f"/v1/mailboxes/{self.mailbox}/offers", offer)
        return msgspec.convert(answer, wire.OfferReply)

    def finish(self, *ranges: tuple[int, int], pass_id: str = "a" * 32) -> Any:
        """End a pass that listed these ranges in one window; the receipt."""
        window = wire.Window(low=WHOLE[0], high=WHOLE[1], ranges=list(ranges))
        told = wire.PassWindow(pass_id=pass_id, index=0, last=True, window=window)
        request = wire.Pass(**self.place(), window=told)
        return self.post(f"/v1/mailboxes/{self.mailbox}/passes", request)["receipt"]

    def delivery(self, uid: int, raw: bytes, **more: Any) -> dict[str, Any]:
        """A parsed mail as the master delivers it."""
        return {
            **self.place(),
            "key": uid,
            "server_size": len(raw),
            "outcome": "",
            "sha256": hashlib.sha256(raw).hexdigest(),
            "size": len(raw),
            "header_sha256": header_sha256(header_block(raw)),
            "mail": {
                "subject": f"mail {uid}",
                "message_id": f"<{uid}@x>",
                "text": raw.decode("utf-8", "replace"),
            },
            **more,
        }

    def failure(self, uid: int, outcome: str, reason: str = "no") -> dict[str, Any]:
        """A fetch that came to nothing."""
        return {**self.place(), "key": uid, "outcome": outcome, "reason": reason}

    def deliver(self, *mails: dict[str, Any], keep: dict[str, bytes] | None = None) -> list[str]:
        """Hand mails over as a master does; their statuses."""
        batch = self.storage.put_many(list((keep or {}).items())) if keep else 0
        told = {"Postroom-Storage": self.storage.id, "Postroom-Batch": str(batch)}
        answer = self.post("/api", list(mails), 200, **told)
        return [item["status"] for item in answer["items"]]

    def push(self, *uids: int) -> list[str]:
        """Store and deliver the mails of these numbers."""
        raws = {uid: mail_bytes(uid) for uid in uids}
        keep = {hashlib.sha256(raw).hexdigest(): raw for raw in raws.values()}
        return self.deliver(*(self.delivery(u, raw) for u, raw in raws.items()), keep=keep)


@contextmanager
def pushing(api: Caller, first: int) -> Iterator[list[int]]:
    """Mails that come one after the other from another thread; gives those that came so far."""
    stop, pushed = threading.Event(), list[int]()

    def push() -> None:
        for uid in count(first):
            if stop.is_set():
                return
            api.push(uid)
            pushed.append(uid)

    busy = threading.Thread(target=push)
    busy.start()
    try:
        yield pushed
    finally:
        stop.set()
        busy.join()
