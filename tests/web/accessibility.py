"""Whether everybody can use a page: looked for in the page itself, as it is shown."""

from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_name("accessibility.js").read_text("utf-8")
#: From here on, the page notes what gets the focus and does not show it.
WATCH_FOCUS = """() => {
    document.activeElement.blur();
    const unseen = [];
    const look = ({ target }) => {
        // What has the focus within a frame shows it there.
        if (target === document.body || target.matches("iframe")) return;
        const s = getComputedStyle(target);
        const seen = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
        if (!seen) unseen.push(`no visible focus: ${target.outerHTML.slice(0, 80)}`);
    };
    document.addEventListener("focusin", look);
    window.focusSeen = () => {
        document.removeEventListener("focusin", look);
        document.activeElement.blur();
        scrollTo(0, 0);
        return unseen;
    };
}"""


def problems(page: Page) -> list[str]:
    """What is wrong, one line each."""
    found: list[str] = page.evaluate(SCRIPT)
    return found + _unseen_focus(page)


def _unseen_focus(page: Page) -> list[str]:
    """What the keyboard reaches first must show that it has the focus."""
    page.evaluate(WATCH_FOCUS)
    for _ in range(8):
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate("focusSeen()")
    return found
