"""What the demo's monitor watches and mails to: a page that grows, a mail server that keeps all."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from postroom.demo.site import Site

PAGE = "reports"
SENDER, RECEIVER = "postroom@example.org", "you@example.org"
#: Seconds between two looks at the page; a known file is asked for at each of them.
INTERVAL = 3


class Watching:
    """The page, and where the digest goes; without the library there is no digest."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._say = say
        self._changed = False
        self.site = Site().start()
        self._sink = self._mail_server(folder / "digests")

    def _mail_server(self, folder: Path) -> Any:
        try:
            sink: Any = import_module("postroom.demo.smtp_sink").Sink
            return sink(folder, self._arrived).start()
        except Exception as e:  # noqa: BLE001 - whatever an optional library does, the demo goes on
            self._say(f"the embedded SMTP server cannot run here ({type(e).__name__}: {e})")
            self._say("so no digest is mailed; for the digest: pip install 'aiosmtpd==1.4.6'")
        return None

    def _arrived(self, subject: str, file: Path) -> None:
        self._say(f"a digest was mailed: {subject}")
        self._say(f"    it is in {file}")

    def sections(self) -> Mapping[str, Mapping[str, object]]:
        """What config.ini says of them."""
        page = {
            "url": self.site.url,
            "interval_seconds": INTERVAL,
            "recheck_hours": INTERVAL / 3600 / 2,
            "pause_seconds": 0,
            # Else a page of this machine would be refused.
            "allow_hosts": "127.0.0.1",
        }
        return {f"page {PAGE}": page, **({"digest": self._digest()} if self._sink else {})}

    def _digest(self) -> Mapping[str, object]:
        where = {"server": "127.0.0.1", "port": self._sink.port, "tls": "none"}
        return {"sender": SENDER, "receivers": RECEIVER, **where}

    def go_on(self, number: int) -> str:
        """Let something happen on the page; a sentence on what."""
        if number % 2:
            return f"{self.site.change()} changed on the page"
        return f"{self.site.add()} appeared on the page"

    def tries(self) -> str:
        """How to try the example scripts that read its pages."""
        names = ("currency", "weather")
        return "; ".join(
            f"python -m runner try examples/{name}.py --network"
            f" --argument url={self.site.url}{name}.html"
            for name in names
        )

    def missing(self, versions: Sequence[Mapping[str, Any]]) -> str:
        """What speaks against "all was seen", of the files' versions that the API tells.

        Once it tells of both files, one of them changes.
        """
        stored = [each["download_url"] for each in versions if each["state"] == "stored"]
        files = len(set(stored))
        if files < 2:
            return f"{files} of the page's 2 files are stored"
        if not self._changed:
            self._changed = True
            self._say(f"{self.site.change()} changed on the page")
        if len(stored) == files:
            return "the file that changed is not stored anew"
        if self._sink and not self._sink.count:
            return "no digest was mailed"
        return ""

    def stop(self) -> None:
        """End what runs for it."""
        if self._sink:
            self._sink.stop()
        self.site.stop()
