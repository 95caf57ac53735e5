"""`python -m tests.web.screenshots`: pictures of all pages into docs/screenshots.

PAGES names each page with how to get there: a new page adds a line.
"""

import os
import subprocess
import sys
from collections.abc import Callable

from api.telling import webhooks
from tests.web.browser import KEEP, Window
from tests.web.letters import letters
from tests.web.watch import watch
from tests.web.workshop import workshop
from tests.web.world import World

Way = Callable[[Window, World], object]


def _as_admin(path: str) -> Way:
    def go(window: Window, world: World) -> None:
        window.enter(world.admin_cookie())
        window.open(path)

    return go


def _users(window: Window, world: World) -> None:
    for name, role in (("ann", "admin"), ("bob", "operator"), ("eve", "reader")):
        world.add_user(name, role)
    _as_admin("/settings/users")(window, world)


def _user(window: Window, world: World) -> None:
    _users(window, world)
    window.page.get_by_role("link", name="Manage bob").click()


def _account(window: Window, world: World) -> None:
    window.enter(world.cookie("ann", "admin"))
    window.open("/account")


def _wrong(window: Window, _world: World) -> None:
    window.expected.add(403)
    window.sign_in("nobody", "a wrong password")


def _webhook(window: Window, world: World) -> None:
    hook, _ = webhooks.create(
        world.db, webhooks.NewWebhook(url="https://hooks.example/in", kinds=["source.*"])
    )
    webhooks.try_out(world.db, hook.id)
    _as_admin(f"/settings/webhooks/{hook.id}")(window, world)


def _mailboxes(window: Window, world: World) -> None:
    _as_admin("/settings/mailboxes")(window, world)
    window.press("Verify work")


def _script(path: str = "") -> Way:
    def go(window: Window, world: World) -> None:
        workshop(world)
        _as_admin(f"/scripts/orders{path}")(window, world)

    return go


def _replay(window: Window, world: World) -> None:
    _as_admin(f"/replays/{workshop(world).replays[-1]}")(window, world)


def _run(path: str) -> Way:
    def go(window: Window, world: World) -> None:
        _as_admin(f"/runs/{workshop(world).first + 9}{path}")(window, world)

    return go


def _running(window: Window, world: World) -> None:
    _as_admin(f"/runs/{workshop(world).running().run}")(window, world)


def _failed(window: Window, world: World) -> None:
    _as_admin(f"/runs/{workshop(world).first + 8}")(window, world)


def _runs(window: Window, world: World) -> None:
    workshop(world)
    window.open("/runs")


def _wrong_source(window: Window, world: World) -> None:
    _as_admin("/new-script")(window, world)
    window.expected.add(400)
    window.page.get_by_label("Name").fill("totals")
    window.page.get_by_label("Source").fill("import csv\n\ndef total(:\n    pass\n")
    window.press("Make the script")


def _scripts(window: Window, world: World) -> None:
    workshop(world)
    _as_admin("/scripts")(window, world)


def _watched(path: str) -> Way:
    def go(window: Window, world: World) -> None:
        found = watch(world)
        window.enter(world.cookie("bob", "operator"))
        window.open(path.format(summer=found.summer, autumn=found.autumn))

    return go


def _mails(path: str) -> Way:
    def go(window: Window, world: World) -> None:
        letters(world)
        window.open(path)

    return go


def _mails_help(window: Window, world: World) -> None:
    _mails("/mails?q=price+from:ann")(window, world)
    window.page.get_by_text("What can be searched for").click()


def _wrong_query(window: Window, world: World) -> None:
    letters(world)
    window.open("/mails?q=lunch+(friday", 400)


def _mail(name: str, path: str = "") -> Way:
    def go(window: Window, world: World) -> None:
        window.open(f"/mails/{letters(world)[name]}{path}")

    return go


def _answered(window: Window, world: World) -> None:
    id_, scripter = letters(world)["second"], workshop(world).scripter
    if not world.caller.get(f"/v1/runs?mail={id_}")["items"]:
        (run,) = scripter.claim(run=scripter.run("orders", mail=id_)["id"])
        scripter.finish(run, output="12 EUR")
    window.open(f"/mails/{id_}")


PAGES: dict[str, Way] = {
    "overview": lambda window, _: window.open("/"),
    "mails": _mails("/mails"),
    "mails-found": _mails("/mails?q=price+list&sort=rank"),
    "mails-help": _mails_help,
    "mails-wrong": _wrong_query,
    "mail": _mail("newsletter"),
    "mail-text": _answered,
    "mail-broken": _mail("broken"),
    "mail-headers": _mail("newsletter", "/headers"),
    "mail-source": _mail("newsletter", "/source"),
    "quarantine": lambda window, _: window.open("/quarantine"),
    "events": lambda window, _: window.open("/events"),
    "pages": _watched("/pages"),
    "page": _watched("/pages/reports?versions=all"),
    "files": _watched("/files"),
    "file": _watched("/files/{summer}"),
    "file-failed": _watched("/files/{autumn}"),
    "digests": _watched("/digests"),
    "scripts": _scripts,
    "script": _script(),
    "script-new": _wrong_source,
    "script-source": _script("/source"),
    "script-version": _script("/versions/2"),
    "script-settings": _script("/settings"),
    "script-delete": _script("/delete"),
    "replays": _script("/replays"),
    "replay": _replay,
    "runs": _runs,
    "run": _run(""),
    "run-running": _running,
    "run-failed": _failed,
    "run-compare": _run("/compare"),
    "login": lambda window, _: window.open("/login"),
    "login-wrong": _wrong,
    "not-found": lambda window, _: window.open("/nothing", 404),
    "users": _users,
    "user": _user,
    "account": _account,
    "settings": _as_admin("/settings"),
    "tokens": _as_admin("/settings/tokens"),
    "token": _as_admin("/settings/tokens/admin"),
    "webhooks": _as_admin("/settings/webhooks"),
    "webhook": _webhook,
    "mailboxes": _mailboxes,
}


def main() -> int:
    """Take them all."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/web/test_looks.py"]
    return subprocess.run(command, env={**os.environ, KEEP: "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
