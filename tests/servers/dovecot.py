"""A real Dovecot on free loopback ports, with the faults that mail servers have."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from imapclient import imap_utf7

from tests.servers.dovecot_conf import Ports, configuration, owners
from tests.servers.ports import HOST, free_port, greeting, wait_free

BINARY = Path("/usr/sbin/dovecot")
_serial = itertools.count(1)


class Dovecot:
    """Users and their mail stay over stop() and start(); cleanup() removes them."""

    host = HOST

    def __init__(self, users: dict[str, str]) -> None:
        # Short, because unix socket paths end at 108 bytes, and open to the login processes.
        self.folder = Path(tempfile.mkdtemp(prefix="dv", dir="/tmp"))
        self.folder.chmod(0o755)
        self.users = users
        self.ports = Ports(free_port(), free_port(), free_port(), free_port())
        #: For TLS clients to trust; the certificate names localhost and 127.0.0.1.
        self.certificate = self.folder / "cert.pem"
        self._owners = owners()
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()

    def _prepare(self) -> None:
        for name in ("run", "state", "mail", "raw"):
            (self.folder / name).mkdir()
        self._own(self.folder / "mail")
        self._write_users()
        make_certificate(self.folder)
        text = configuration(self.folder, self.ports, self._owners)
        (self.folder / "dovecot.conf").write_text(text)

    def _own(self, path: Path) -> None:
        if os.getuid() == 0:
            os.chown(path, self._owners.uid, self._owners.gid)

    def _write_users(self) -> None:
        lines = (f"{user}:{{PLAIN}}{password}\n" for user, password in self.users.items())
        (self.folder / "users").write_text("".join(lines))
        (self.folder / "users").chmod(0o644)

    def start(self) -> Self:
        """Return when the server greets."""
        command = [str(BINARY), "-F", "-c", str(self.folder / "dovecot.conf")]
        with (self.folder / "stderr.log").open("ab") as stderr:
            self._process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
            )
        end = time.monotonic() + 10
        # The banner, not just a listening socket.
        while not greeting(self.ports.imap).startswith(b"* OK"):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Dovecot does not start:\n{self.log()}")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End at once, as a power cut would: a clean end of Dovecot takes seconds."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        # Login processes hold the ports a moment longer than the master.
        wait_free(self.ports.all())

    def cleanup(self) -> None:
        """Stop and remove everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """What the server wrote of itself."""
        files = (self.folder / "stderr.log", self.folder / "dovecot.log")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def admin(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run doveadm and return what it prints."""
        command = ["doveadm", "-c", str(self.folder / "dovecot.conf"), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    def set_password(self, user: str, password: str) -> None:
        """Hold from the next login on; a new user is one more."""
        self.users[user] = password
        self._write_users()

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        """Where the files of a folder lie."""
        root = self.folder / "mail" / user / "Maildir"
        if folder == "INBOX":
            return root
        name: str = imap_utf7.encode(folder).decode()
        return root / ("." + name.replace("/", "."))

    def deliver(
        self, user: str, raws: Iterable[bytes], folder: str = "INBOX", received: float | None = None
    ) -> int:
        """Put mails into a folder as files, byte for byte and fast; return how many.

        `received` (seconds since 1970) becomes the INTERNALDATE.
        """
        maildir = self.maildir(user, folder)
        self._make_maildir(maildir)
        count = 0
        for raw in raws:
            file = maildir / "tmp" / _file_name()
            file.write_bytes(raw)
            self._own(file)
            if received is not None:
                os.utime(file, (received, received))
            file.rename(maildir / "new" / file.name)
            count += 1
        return count

    def _make_maildir(self, maildir: Path) -> None:
        root = maildir if maildir.name == "Maildir" else maildir.parent
        for folder in (root.parent, root, maildir):
            folder.mkdir(exist_ok=True)
            self._own(folder)
        for name in ("cur", "new", "tmp"):
            (maildir / name).mkdir(exist_ok=True)
            self._own(maildir / name)

    def save(self, user: str, raw: bytes, folder: str = "INBOX") -> None:
        """Add one mail through the server, which tells idling clients."""
        self.admin("save", "-u", user, "-m", folder, stdin=raw)

    def create(self, user: str, folder: str) -> None:
        """Make an empty folder."""
        self.admin("mailbox", "create", "-u", user, folder)

    def uids(self, user: str, folder: str = "INBOX") -> list[int]:
        """All UIDs of a folder, rising."""
        found = self.admin("-f", "flow", "fetch", "-u", user, "uid", "mailbox", folder)
        return sorted(int(uid) for uid in re.findall(r"uid=(\d+)", found))

    def expunge(self, user: str, uids: Iterable[int], folder: str = "INBOX") -> None:
        """Remove these UIDs."""
        chosen = ",".join(str(uid) for uid in uids)
        self.admin("expunge", "-u", user, "mailbox", folder, "uid", chosen)

    def set_uidvalidity(self, user: str, value: int, folder: str = "INBOX") -> None:
        """Change UIDVALIDITY alone; the UIDs stay."""
        self.admin("mailbox", "update", "-u", user, "--uid-validity", str(value), folder)

    def uidvalidity(self, user: str, folder: str = "INBOX") -> int:
        """The folder's UIDVALIDITY now."""
        told = self.admin("-f", "flow", "mailbox", "status", "-u", user, "uidvalidity", folder)
        return int(told.split("uidvalidity=")[1].split()[0])

    def renumber(self, user: str, folder: str = "INBOX") -> None:
        """Give the mails new UIDs, from 1 and in the opposite order, under a new UIDVALIDITY."""
        with self._stopped():
            maildir = self.maildir(user, folder)
            files = [file for name in ("new", "cur") for file in (maildir / name).iterdir()]
            for file in sorted(files, key=lambda file: file.name, reverse=True):
                flags = file.name.partition(":")[1:]
                file.rename(file.with_name(_file_name() + "".join(flags)))
            for state in (*maildir.glob("dovecot-uidlist*"), *maildir.glob("dovecot.index*")):
                state.unlink()

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self.stop()
        yield
        self.start()

    def _configure_more(self, text: str) -> None:
        with self._stopped():
            (self.folder / "more.conf").write_text(text)

    def retrieved(self) -> int:
        """How many bodies all POP3 sessions that have ended took."""
        return sum(int(count) for count in re.findall(r"retr=(\d+)", self.log()))

    def lock_maildrops(self) -> None:
        """One POP3 session at a time, as RFC 1939 asks."""
        self._configure_more("pop3_lock_session = yes\n")

    def set_uidl_format(self, value: str) -> None:
        """Make all UIDLs new."""
        self._configure_more(f"pop3_uidl_format = {value}\n")

    def kick(self, user: str) -> None:
        """Cut all connections of a user."""
        self.admin("kick", user)

    def who(self) -> list[str]:
        """The users that are logged in, one for each connection."""
        lines = self.admin("-f", "tab", "who", "-1").splitlines()[1:]
        return [line.split("\t")[0] for line in lines]

    def record(self, user: str) -> None:
        """Keep what the user's clients say from their next login on, for commands()."""
        (self.folder / "raw" / user).mkdir()
        (self.folder / "raw" / user).chmod(0o777)

    def commands(self, user: str) -> list[str]:
        """What a recorded user's clients said after their login, connection by connection."""
        files = sorted((self.folder / "raw" / user).glob("*.in"))
        return [line for file in files for line in file.read_text("latin-1").splitlines()]


def _file_name() -> str:
    # Dovecot gives UIDs in the order of the seconds in the names.
    return f"{1_000_000_000 + next(_serial)}.P{os.getpid()}.postroom"


def make_certificate(folder: Path) -> None:
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    out = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subject = ["-subj", "/CN=localhost", "-addext", names, "-days", "2"]
    command = ["openssl", "req", "-x509", *key, *subject, *out]
    subprocess.run(command, check=True, capture_output=True)
