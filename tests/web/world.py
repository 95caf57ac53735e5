"""An API that is served on a free port, with something of everything in it."""

import threading
from pathlib import Path

from jinja2.bccache import Bucket, BytecodeCache

from api import server
from api.access import sessions, users
from api.app import create_app
from api.database import Database
from api.inforce import InForce, Kept
from api.models import Mailbox, Page, Token, User
from api.rest.security import new_token
from postroom.settings import Alarms
from postroom.storage import open_storage
from tests.api.caller import Caller
from tests.api.scripter import Scripter, ago
from tests.api.watcher import Watcher
from tests.databases import new_sqlite
from tests.servers.ports import HOST, free_port, is_open
from tests.waiting import wait_until

PASSWORD = "correct horse battery"
#: How passwords are hashed, and how they are where that is not the point.
METHOD, QUICK = users.METHOD, "scrypt:256:8:1"


class _Compiled(BytecodeCache):
    """The templates, compiled once for the worlds of all modules."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if known := self._known.get(bucket.key):
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


class World:
    """The API at `address`; the pages below need nothing else."""

    def __init__(self, folder: Path, db: Database | None = None) -> None:
        self.db = db or new_sqlite(folder)
        self._mails = open_storage("sqlite", folder / "mails.sqlite")
        self._files = open_storage("directory", folder / "files")
        self.app = create_app(self.db, self._mails, files=self._files)
        self.app.config["IN_FORCE"] = _in_force(folder)
        self.app.jinja_env.bytecode_cache = _compiled
        self.caller = Caller(self.app, self.db, self._mails, self._files)
        with self.db.writing():
            self.admin_token = new_token("admin", ["admin"])
        self.scripter = Scripter(self.caller)
        self._stop, port = threading.Event(), free_port()
        self.address = f"http://{HOST}:{port}"
        self._thread = threading.Thread(
            target=server.serve, args=(self.app, HOST, port, 4, self._stop)
        )
        self._thread.start()
        wait_until(lambda: is_open(port), 60, "the server")

    def seed(self) -> "World":
        """Fill in what people would find after some days."""
        for number, name in enumerate(("office", "work")):
            self.caller.mailbox = name
            self.caller.hello(f"imap:{name}:ann")
            self.caller.push(*range(1, 6))
            self.caller.finish((1, 5), pass_id=str(number) * 32)
        self.caller.deliver(self.caller.failure(9, "refused", "the server gives no bytes"))
        watcher = Watcher(self.caller)
        watcher.links("summer.pdf", "winter.pdf", "old.pdf")
        watcher.tell(
            watcher.stored("summer.pdf", "a"),
            watcher.stored("winter.pdf", "b"),
            watcher.failed("old.pdf"),
        )
        watcher.looked(3)
        scripter = self.scripter
        scripter.script("invoices", cron="0 6 * * *")
        scripter.script("prices")
        scripter.done("prices", output="12 EUR")
        scripter.done("invoices", status="error", exit_code=1, error="no such column: total")
        with self.db.writing():
            silent = {"state": "silent", "seen": ago(hours=5)}
            Mailbox.update(silent).where(Mailbox.name == "office").execute()
            Page.update(state="ok").execute()
        return self

    def add_user(self, name: str, role: str) -> None:
        """Somebody who signs in with PASSWORD."""
        users.add(self.db, name, PASSWORD, role, by="the test")

    def cookie(self, name: str, role: str) -> str:
        """What the browser of somebody holds who has signed in; quicker than by a form."""
        with self.db.writing():
            user, _ = User.get_or_create(name=name, defaults={"password": "", "role": role})
            return sessions.begin(1, user=user)

    def admin_cookie(self) -> str:
        """The same of who has signed in with the admin token."""
        with self.db.writing():
            return sessions.begin(1, token=Token.get(Token.name == "admin"))

    def without_users(self) -> None:
        """As before anybody was added."""
        for user in list(User.select()):
            with self.db.writing():
                user.delete_instance()

    def events(self, kind: str) -> list[dict[str, object]]:
        """What events of that kind are about, in order."""
        items = self.caller.get("/v1/events?limit=500")["items"]
        return [each["about"] for each in items if each["kind"] == kind]

    def close(self) -> None:
        """Stop serving."""
        self._stop.set()
        self._thread.join()
        self.db.close()
        self._mails.close()
        self._files.close()


def _in_force(folder: Path) -> InForce:
    """As the settings page would have it from a file of settings."""
    return InForce(
        database=str(folder / "postroom.sqlite"),
        address=f"{HOST}:5000",
        threads=8,
        streams=64,
        exports=4,
        events_days=90,
        delivered_hours=24.0,
        session_hours=168.0,
        mails=Kept("sqlite", str(folder / "mails.sqlite")),
        files=Kept("directory", str(folder / "files")),
        alarms=Alarms(to=("ops@example.org",)),
        disks={"database": folder / "postroom.sqlite", "spool": folder / "spool/none"},
    )
