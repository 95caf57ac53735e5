"""A watched page with a past: versions, failures, digests, checks, and runs over its files."""

from dataclasses import replace

from api.inforce import page_settings
from api.models import Digest, File, Page
from tests.api.watcher import SITE, Watcher
from tests.web.world import World

SECTION = {
    "url": SITE,
    "interval_seconds": "900",
    "extensions": "pdf, xlsx",
    "select": "main .downloads",
    "url_pattern": "/reports/2026/",
    "cookies": "session=the-secret-cookie",
    "user": "ann",
    "password_file": "secrets/reports",
}


class Watch:
    """The page `reports` of a world, and the monitor that watches it."""

    def __init__(self, world: World) -> None:
        self.world, self._news = world, 0
        self.watcher = watcher = Watcher(world.caller, "reports")
        told = world.app.config["IN_FORCE"]
        world.app.config["IN_FORCE"] = replace(told, pages={"reports": page_settings(SECTION)})
        watcher.links("spring.pdf", "summer.pdf", "autumn.pdf", "budget.xlsx", "late.pdf")
        kinds = {"type": "application/pdf"}
        watcher.tell(
            watcher.stored("spring.pdf", "spring " * 9_000, **kinds),
            watcher.stored("summer.pdf", "a first draft", **kinds),
            watcher.stored("budget.xlsx", "figures " * 300),
        )
        watcher.looked(5, digest=True)
        self.mail()
        watcher.tell(
            watcher.stored("summer.pdf", "what was meant " * 20, **kinds),
            watcher.failed("autumn.pdf", "503 Service Unavailable"),
        )
        self.refuse()
        for day in ("2026-03-01", "2026-03-02"):
            watcher.pulse(mails=False, digest_of=day)
        self.summer = self.number("summer.pdf")
        self.autumn = self.number("autumn.pdf")
        scripter = world.scripter
        for number in range(3):
            id_ = scripter.run("prices", file=self.summer)["id"]
            (run,) = scripter.claim(run=id_)
            scripter.finish(run, output=f"{number} EUR")

    def number(self, path: str, page: str = "reports", *, current: bool = True) -> int:
        """The id of a file."""
        where = (File.download_url == SITE + path) & (File.current == current)
        own = Page.select(Page.id).where(Page.name == page)
        return int(File.get(where & (File.page == own)).id)

    def mail(self) -> int:
        """Do all that a monitor is asked for; how much that was."""
        done = [(task.id, "done") for task in self.watcher.pulse()]
        self.watcher.pulse(mails=False, done=done)
        return len(done)

    def failing_digest(self) -> int:
        """The id of a digest that the mail server refuses."""
        self._news += 1
        self.watcher.tell(self.watcher.stored("news.txt", f"news {self._news}"))
        self.refuse()
        return int(Digest.select(Digest.id).order_by(Digest.id.desc()).limit(1).scalar())

    def refuse(self) -> None:
        """Let the mail server refuse the digest of what is new."""
        self.watcher.looked(5, digest=True, next_look=900.0)
        later = [(task.id, 3_600.0, "535 5.7.8 wrong password") for task in self.watcher.pulse()]
        self.watcher.pulse(mails=False, later=later)


_known: dict[str, Watch] = {}


def watch(world: World) -> Watch:
    """The watch of a world: the same one for all its pages."""
    if world.address not in _known:
        _known[world.address] = Watch(world)
    return _known[world.address]
