"""What a script imports: `from postroom_script import context, output`.

`context` says what the script was started for, `output` takes what it found; docs/scripts.md shows
both. Nothing is read or imported before it is asked for, so that starting a script stays fast.
"""

from __future__ import annotations

# Built in, and read in no time; json alone would take longer than all else here.
import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

__all__ = ["context", "output"]
_NO_JOB = "there is no run here: start the script by python -m runner try SCRIPT"


class Record(dict):  # type: ignore[type-arg]
    """A JSON object whose keys are attributes as well; `from_` is the key "from"."""

    def __getattr__(self, name: str) -> Any:
        try:
            return _shown(self[name[:-1] if name not in self and name.endswith("_") else name])
        except KeyError:
            raise AttributeError(f"{name}: there are {', '.join(self)}") from None


class Address(tuple):  # type: ignore[type-arg]
    """A name and an address, as a header gives them."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name before the address; often empty."""
        return str(self[0])

    @property
    def address(self) -> str:
        """The address alone."""
        return str(self[1])

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


class _File(Record):
    """A record with the file that holds its bytes."""

    path: str

    def read(self) -> bytes:
        """All bytes of the file."""
        with open(self.path, "rb") as file:
            return file.read()


class Attachment(_File):
    """One attachment: its record, and `path`, where its bytes are."""


class File(_File):
    """A file of a watched page: its record, and `path`, where its bytes are."""


class Mail(Record):
    """A mail: what was read from it, and its bytes."""

    path: str
    _attachments: list[Attachment]

    @property
    def raw(self) -> bytes:
        """The mail byte for byte."""
        with open(self.path, "rb") as file:
            return file.read()

    @property
    def attachments(self) -> list[Attachment]:
        """The attachments, each with its `path`."""
        return self._attachments

    def __getattr__(self, name: str) -> Any:
        key = name.rstrip("_")
        if key in ("from", "to", "cc", "bcc", "reply_to", "sender"):
            return [Address(pair) for pair in self.get(key, ())]
        return super().__getattr__(name)


class Secrets(dict):  # type: ignore[type-arg]
    """The secrets that the script names, by name."""

    def __missing__(self, name: str) -> str:
        raise KeyError(f"{name}: not among the secrets that this script names")

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self)})"


class Api:
    """Postroom's API, for reading, as long as the run lasts."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def get(self, path: str, **query: Any) -> Any:
        """The JSON that GET `path` answers: `context.api.get("/v1/mails", q="invoice")`."""
        from urllib.parse import urlencode  # noqa: PLC0415
        from urllib.request import Request, urlopen  # noqa: PLC0415

        url = self.url.rstrip("/") + "/" + path.lstrip("/")
        url += ("&" if "?" in url else "?") + urlencode(query, doseq=True) if query else ""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        with urlopen(Request(url, headers=headers), timeout=60) as answer:  # noqa: S310
            return _json().load(answer)


class Context:
    """What this run was started for."""

    def __init__(self) -> None:
        self._told: dict[str, Any] | None = None
        self._hidden: dict[str, Any] | None = None
        self._folder = ""
        self._mail: Mail | None = None
        #: A file descriptor with what must not lie in a file.
        self._fd = -1

    @property
    def run_id(self) -> int:
        """The number of the run."""
        return int(self._read()["run_id"])

    @property
    def script(self) -> str:
        """The script's name."""
        return str(self._read()["script"])

    @property
    def version(self) -> int:
        """Which version of the script this is."""
        return int(self._read()["version"])

    @property
    def attempt(self) -> int:
        """1 for the first try, 2 for the next."""
        return int(self._read()["attempt"])

    @property
    def arguments(self) -> Record:
        """The arguments of the script, and above them those of the run."""
        return Record(self._read()["arguments"])

    @property
    def trigger(self) -> Record:
        """What started the run: by hand, by the clock, by a mail or by a file."""
        return Record(self._read()["trigger"])

    @property
    def since(self) -> datetime | None:
        """When the last completed run began; None before the first."""
        from datetime import datetime  # noqa: PLC0415

        told = self._read()["since"]
        return datetime.fromisoformat(told) if told else None

    @property
    def mail(self) -> Mail | None:
        """The mail that the run is for, if it is for one."""
        told = self._read()["mail"]
        if told and self._mail is None:
            mail = Mail(told["record"])
            mail.path = self._path(told["raw"])
            mail._attachments = [self._attachment(*each) for each in told["attachments"]]
            self._mail = mail
        return self._mail

    @property
    def file(self) -> File | None:
        """The file of a watched page that the run is for, if it is for one."""
        told = self._read()["file"]
        if not told:
            return None
        file = File(told["record"])
        file.path = self._path(told["content"])
        return file

    @property
    def secrets(self) -> Secrets:
        """The secrets that the script names."""
        return Secrets(self._read_hidden()["secrets"])

    @property
    def api(self) -> Api:
        """Postroom's API; only where the script is allowed the network."""
        url, token = self._read_hidden()["api"]
        if not url:
            raise RuntimeError("this run has no API: the script must be allowed the network")
        return Api(url, token)

    def _attachment(self, name: str, file: str, record: dict[str, Any]) -> Attachment:
        attachment = Attachment(record, name=name)
        attachment.path = self._path(file)
        return attachment

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _read(self) -> dict[str, Any]:
        if self._told is None:
            if not self._folder:
                raise RuntimeError(_NO_JOB)
            with open(self._path("context"), "rb") as file:
                self._told = marshal.load(file)  # noqa: S302 - of the runner itself
        return self._told

    def _read_hidden(self) -> dict[str, Any]:
        if self._hidden is None:
            if self._fd < 0:
                raise RuntimeError(_NO_JOB)
            with open(self._fd, "rb") as file:
                self._hidden = marshal.load(file)  # noqa: S302 - of the runner itself
        return self._hidden

    def _begin(self, folder: str, fd: int) -> None:
        """For the launcher: what the next run was told lies in `folder`."""
        self._folder, self._fd = folder, fd
        self._told = self._mail = None


class Output:
    """Where the result goes: output.txt, and further files by name."""

    def __init__(self) -> None:
        self._folder = ""
        self._text: Any = None

    def __call__(self, text: object = "") -> None:
        """Write a line to output.txt."""
        self.write(f"{text}\n")

    def write(self, text: str) -> None:
        """Write to output.txt as it stands."""
        if self._text is None:
            path = self._path("output.txt")
            self._text = open(path, "a", 8192, "utf-8", "replace", newline="")  # noqa: SIM115
        self._text.write(text)

    def json(self, value: Any) -> None:
        """Write a value to output.txt, as one line of JSON."""
        self(_json().dumps(value, ensure_ascii=False, default=str))

    def file(self, path: Any, content: bytes | str | None = None) -> None:
        """Keep a file under its name; with `content`, make one of that name."""
        import os  # noqa: PLC0415

        path = os.fspath(path)
        if content is None:
            with open(path, "rb") as source, open(self._named(os.path.basename(path)), "wb") as to:
                while chunk := source.read(1 << 20):
                    to.write(chunk)
            return
        if isinstance(content, str):
            content = content.encode()
        with open(self._named(path), "wb") as to:
            to.write(content)

    def flush(self) -> None:
        """See to it that what was written is in output.txt; done at the end by itself."""
        if self._text is not None:
            self._text.flush()

    def _named(self, name: str) -> str:
        if not name or name.startswith(".") or "/" in name or "\0" in name or name == "output.txt":
            raise ValueError(f"{name!r} cannot be the name of a file: no /, no dot in front")
        return self._path(name)

    def _path(self, name: str) -> str:
        if not self._folder:
            raise RuntimeError(_NO_JOB)
        return f"{self._folder}/{name}"

    def _begin(self, folder: str) -> None:
        """For the launcher: what comes from now on goes to `folder`."""
        self._end()
        self._folder = folder

    def _end(self) -> None:
        text, self._text = self._text, None
        if text is not None:
            text.close()


def _json() -> Any:
    import json  # noqa: PLC0415

    return json


def _shown(value: Any) -> Any:
    return Record(value) if isinstance(value, dict) else value


context = Context()
output = Output()
