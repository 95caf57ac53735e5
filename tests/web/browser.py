"""Chromium, and pages in it that may not complain of anything."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    APIResponse,
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)

from api.access import sessions
from tests.documents import ROOT
from tests.web import accessibility

#: The headless shell does the same for half of the work; the whole browser does, too.
SHELL = "chromium-headless-shell"
CHROMIUM = Path(shutil.which(SHELL) or shutil.which("chromium") or f"/usr/bin/{SHELL}")
SIZES = {"light": (1000, 700), "dark": (1000, 700), "phone": (360, 720)}
VIEWPORT = ViewportSize(width=1280, height=720)
#: With this in the environment, pictures are kept with the documents.
KEEP = "POSTROOM_SCREENSHOTS"
PICTURES = ROOT / "docs/screenshots"


@contextmanager
def started() -> Iterator[Browser]:
    """One browser for many tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--in-process-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """A browser window; `complaints` are what the console and the network told.

    Tests use it one after the other, each as if it were new: to start one costs as much as all that
    most of them do in it.
    """

    def __init__(self, browser: Browser, *, java_script: bool = True) -> None:
        self.address = ""
        self.complaints: list[str] = []
        self.expected: set[int] = set()
        #: Of other sites, that cannot be had here.
        self.absent: set[str] = set()
        self.context: BrowserContext = browser.new_context(
            color_scheme="light", java_script_enabled=java_script, viewport=VIEWPORT
        )
        self.context.set_default_timeout(60_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda e: self.complaints.append(f"error: {e}"))
        self.page.on("requestfailed", self._failed)

    def begin(self, address: str) -> None:
        """Be a window on that API that nobody has used."""
        self.address = address
        self.expected.clear()
        self.absent.clear()
        self.context.clear_cookies()
        self.complaints.clear()

    def end(self) -> None:
        """Leave the page; whatever was complained of fails the test."""
        for page in self.context.pages:
            if page is not self.page:
                page.close()
        # Nothing runs in it, and it needs no other process.
        self.page.goto(f"{self.address}/assets/favicon.svg")
        assert self.complaints == [], self.complaints

    def _console(self, told: ConsoleMessage) -> None:
        # Chromium tells of each answer of 400 and above; some are what a test is about.
        if any(f"status of {status}" in told.text for status in self.expected):
            return
        if told.location["url"] in self.absent:
            return
        if told.type in ("error", "warning"):
            self.complaints.append(f"{told.type}: {told.text} ({told.location})")

    def _failed(self, request: Request) -> None:
        # What is still on its way when a page is left is of no use any more.
        if request.failure != "net::ERR_ABORTED" and request.url not in self.absent:
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def open(self, path: str, status: int = 200) -> Page:
        """Go to a page."""
        if status >= 400:
            self.expected.add(status)
        answer = self.page.goto(f"{self.address}{path}")
        assert answer is not None
        assert answer.status == status, self.page.inner_text("body")
        return self.page

    def enter(self, cookie: str) -> None:
        """Be signed in by a cookie of World.cookie."""
        self.context.add_cookies([{"name": sessions.COOKIE, "value": cookie, "url": self.address}])

    def get(self, path: str) -> APIResponse:
        """Ask for something as the page might, without showing it."""
        headers = {"Accept": "text/html,*/*;q=0.8"}
        return self.page.request.get(f"{self.address}{path}", headers=headers)

    def sign_in(self, name: str, password: str) -> None:
        """Sign in as a user."""
        self.open("/login")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")

    def sign_in_by_token(self, token: str) -> None:
        """Sign in as the admin."""
        self.open("/login")
        self.page.get_by_label("Token").fill(token)
        self.press("Sign in", -1)

    def press(self, name: str, number: int = 0) -> None:
        """Press a button that sends a form, and wait for the page that comes."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).nth(number).click()

    def look(self, name: str) -> None:
        """Check the page as it is, in both themes and on a phone; keep pictures if asked to."""
        for kind, (width, height) in SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme="dark" if kind == "dark" else "light")
            if os.environ.get(KEEP):
                self._photograph(f"{name}-{kind}")
            found = accessibility.problems(self.page)
            assert found == [], f"{name}, {kind}: {found}"
        self.page.set_viewport_size(VIEWPORT)
        self.page.emulate_media(color_scheme="light")

    def _photograph(self, name: str) -> None:
        # Small enough to be kept with the documents: what a window shows of the page.
        self.page.screenshot(path=PICTURES / f"{name}.jpg", type="jpeg", quality=45)


def text(page: Page) -> str:
    """What can be read on a page."""
    found: Any = page.inner_text("main")
    return str(found)
