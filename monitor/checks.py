"""`python -m monitor --check`: are the pages there, and all that their files go through?"""

import threading
from collections.abc import Sequence
from contextlib import closing

from postroom import line, settings
from postroom.daemon import CheckLine, Daemon
from postroom.errors import PostroomError
from postroom.mailer import Mailer
from postroom.storage import open_files

from .looking import look
from .pages import Page
from .watched import named
from .web import Hosts, Web


def check(run: Daemon) -> Sequence[CheckLine]:
    """A line for each page, the storage, the mail server, and the master unless it is our own."""
    hosts = Hosts()
    lines = [_page(page, hosts) for page in named(run.config, run.args.names).values()]
    lines += [_storage(run), *_mail(run)]
    if not run.args.alone:
        options = run.config.section("monitor", settings.Monitor)
        lines.append(line.check(run.config, "monitor", options))
    return lines


def _page(page: Page, hosts: Hosts) -> CheckLine:
    try:
        with Web(page, hosts, threading.Event()) as web:
            found = look(page, web)
    except PostroomError as e:
        return CheckLine(f"page {page.name}", False, str(e), f"look at [page {page.name}]")
    return CheckLine(f"page {page.name}", True, f"{page.url}: {len(found)} links")


def _storage(run: Daemon) -> CheckLine:
    try:
        with closing(open_files(run.config)) as storage:
            return CheckLine("storage", True, f"{storage.id}, commit {storage.batch()}")
    except (PostroomError, OSError) as e:
        return CheckLine("storage", False, str(e), "look at [storage]")


def _mail(run: Daemon) -> list[CheckLine]:
    try:
        mailer = Mailer.configured(run.config)
        told = mailer.check() if mailer else "nobody is told of new files: set receivers"
    except PostroomError as e:
        return [CheckLine("digest", False, str(e), "look at [digest]")]
    return [CheckLine("digest", True, told)]
