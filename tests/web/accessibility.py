"""Whether everybody can use a page: looked for in the page itself, as it is shown."""

from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_name("accessibility.js").read_text("utf-8")


def problems(page: Page) -> list[str]:
    """What is wrong, one line each."""
    found: list[str] = page.evaluate(SCRIPT)
    return found + _unseen_focus(page)


def _unseen_focus(page: Page) -> list[str]:
    """What the keyboard reaches first must show that it has the focus."""
    found = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(8):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
                const e = document.activeElement;
                // What has the focus within a frame shows it there.
                if (!e || e === document.body || e.matches("iframe")) return "";
                const s = getComputedStyle(e);
                const seen = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
                return seen ? "" : `no visible focus: ${e.outerHTML.slice(0, 80)}`;
            }"""
        )
        if told:
            found.append(str(told))
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    return found
