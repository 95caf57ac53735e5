"""One mail in a browser: what it says, where it stands, and that nothing of it runs or fetches."""

import pytest

from api.models import Mail, Place
from api.web import mail as mail_page
from api.web import mailhtml
from tests.long import one_in
from tests.web.browser import text
from tests.web.letters import Letters, letter, letters, page, picture, within
from tests.web.test_mailhtml import HOSTILE
from tests.web.workshop import workshop

PNG = "image/png"


@pytest.fixture
def post(world) -> Letters:
    """A hand that brings mails; its numbers are those of no other."""
    post = Letters(world.caller, "office")
    post.begin_at(5_000 + Mail.select().count())
    return post


def facts(found, name: str) -> str:
    return str(found.locator("dl.facts dt", has_text=name).locator("+ dd").first.inner_text())


def test_a_mail_is_shown_as_it_was_meant_to_be_seen(window, world):
    shown = window.open(f"/mails/{letters(world)['newsletter']}")
    frame = shown.frame_locator("iframe")

    assert shown.get_by_role("heading", level=1).inner_text() == "Prices for the winter"
    assert facts(shown, "From") == "Winter Press news@press.example.org"
    assert facts(shown, "Date") == "2026-11-24 09:12 UTC"
    assert frame.get_by_role("cell", name="6.95 €", exact=True).is_visible()
    logo = frame.get_by_alt_text("Winter Press")
    assert logo.evaluate("image => image.decode().then(() => image.naturalWidth)") == 120
    colour = frame.get_by_text("See all prices").evaluate(
        "link => getComputedStyle(link).backgroundColor"
    )
    assert colour == "rgb(11, 92, 107)"


def test_pictures_elsewhere_are_fetched_when_they_are_asked_for_and_not_before(window, post, web):
    web.serve("/open.png", picture(1, 2, 3), PNG)
    markup = f'<p>Hello</p><img src="{web.url}/open.png?you=7" alt="Sale">'
    id_ = post.bring(page(markup, "Sale"))
    shown = window.open(f"/mails/{id_}")
    assert shown.frame_locator("iframe").get_by_text("Hello").is_visible()
    assert web.connections == 0

    with shown.expect_navigation():
        shown.get_by_role("link", name="Load pictures").click()
    image = shown.frame_locator("iframe").get_by_alt_text("Sale")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 120
    assert web.paths == ["/open.png?you=7"]
    assert web.asked[0].headers["Referer"] is None
    assert web.asked[0].headers["Cookie"] is None

    with shown.expect_navigation():
        shown.get_by_role("link", name="Do without").click()
    assert len(web.paths) == 1


def hostile(web) -> str:
    """Everything that would run, or tell `web` that it was seen."""
    told = "".join(HOSTILE).replace("http://e.example", web.url).replace("//e.example", web.url)
    run = f"fetch('{web.url}/ran');parent.document.title='taken';top.location='{web.url}/top'"
    return told.replace("alert(1)", run) + (
        f'<script>{run}</script><img src=x: onerror="{run}"><svg onload="{run}"></svg>'
        f"<meta http-equiv=refresh content='0;url={web.url}/refreshed'><p>The end</p>"
    )


def test_nothing_of_a_hostile_mail_runs_or_fetches(window, post, web):
    id_ = post.bring(page(hostile(web).encode("utf-8", "replace").decode(), "<script>1</script>"))
    shown = window.open(f"/mails/{id_}")

    assert shown.title().startswith("<script>1</script>")
    assert len(shown.frames) == 2
    assert web.connections == 0
    for view in ("text", "headers", "source"):
        window.open(f"/mails/{id_}/{view}")
        assert shown.title().startswith("<script>1</script>")
    assert web.connections == 0


@pytest.mark.parametrize("path", one_in(2, ["", "?pictures=1", "/html?pictures=1", "/html"]))
def test_the_frame_holds_even_if_the_cleaning_does_not(window, post, web, monkeypatch, path):
    monkeypatch.setattr(mailhtml, "clean", lambda markup, *_, **__: mailhtml.Cleaned(markup))
    run = f"fetch('{web.url}/ran');parent.document.title='taken';top.location='{web.url}/top'"
    id_ = post.bring(page(
        f"<p>The begin</p><script>{run}</script><svg onload=\"{run}\"></svg><a href='x'>y</a>"
        f"<meta http-equiv=refresh content='0;url={web.url}/refreshed'><base href='{web.url}'>"
        f"<link rel=stylesheet href='{web.url}/x.css'><iframe src='{web.url}/f'></iframe>"
        f"<object data='{web.url}/o'></object><video src='{web.url}/v' autoplay></video>"
        f"<style>@font-face{{font-family:x;src:url({web.url}/font)}} p{{font-family:x}}</style>"
        f"<form action='{web.url}/form'><button>Send</button></form><p>The end</p>",
        f"Have a look {path}",
    ))  # fmt: skip
    shown = window.open(f"/mails/{id_}{path}")
    frame = shown if "html" in path else shown.frame_locator(".frame")
    with shown.expect_console_message(lambda told: "form submission" in told.text):
        frame.get_by_role("button", name="Send").click()

    assert shown.title().startswith("Have a look")
    assert shown.url.endswith(f"/mails/{id_}{path}")
    # It may have knocked at a door, and said nothing.
    assert web.asked == []
    # The browser said what it refused.
    assert window.complaints
    window.complaints.clear()


def test_a_link_opens_beside_and_tells_nothing(window, post, web):
    web.serve("/offer", "<title>Offer</title>")
    id_ = post.bring(page(f'<a href="{web.url}/offer" target="_top">The offer</a>', "Offer"))
    shown = window.open(f"/mails/{id_}")
    with window.context.expect_page() as opened:
        shown.frame_locator("iframe").get_by_role("link", name="The offer").click()
    beside = opened.value
    beside.wait_for_load_state()

    assert beside.title() == "Offer"
    # It is not in our sandbox: scripts run in it, but it knows nothing of us.
    assert beside.evaluate("[window.opener, document.referrer, window.origin]") == [
        None, "", web.url
    ]  # fmt: skip
    assert shown.url.endswith(f"/mails/{id_}")
    assert web.asked[0].headers["Referer"] is None


def test_the_frame_can_be_opened_by_itself(window, world):
    shown = window.open(f"/mails/{letters(world)['newsletter']}")
    with window.context.expect_page() as opened:
        shown.get_by_role("link", name="Open by itself").click()
    opened.value.wait_for_load_state()

    assert opened.value.get_by_text("See all prices").is_visible()
    assert opened.value.title() == "Prices for the winter"


def test_the_keyboard_reaches_the_frame_and_shows_it(window, post):
    id_ = post.bring(page("<p>Nothing to press</p>", "Quiet"))
    shown = window.open(f"/mails/{id_}")
    shown.get_by_role("link", name="Source").focus()
    shown.keyboard.press("Tab")

    body = shown.frames[1].locator("body")
    assert body.evaluate("body => document.activeElement === body")
    assert body.evaluate("body => getComputedStyle(body).outlineStyle") == "solid"


def test_huge_and_deep_html_gives_way_to_its_words(window, post):
    id_ = post.bring(page("<div>" * 20_000 + "The words", "Deep"))
    shown = window.open(f"/mails/{id_}")

    assert (
        "too large, or nested too deep" in shown.frame_locator("iframe").locator("p").inner_text()
    )
    shown.get_by_role("link", name="Text", exact=True).click()
    shown.wait_for_url("**/text")
    assert "The words" in text(shown)


def test_a_broken_charset_is_shown_as_well_as_can_be(window, post):
    raw = page("", "Charset").replace(b"utf-8", b"x-unknown").replace(b"base64", b"8bit")
    id_ = post.bring(raw + "<p>caf\xe9 <script>1</script>+ADw-script+AD4-</p>".encode("latin-1"))
    shown = window.open(f"/mails/{id_}")

    found = shown.frame_locator("iframe").locator("p").inner_text()
    assert found == "café +ADw-script+AD4-"


CONFUSED = {
    "page.html": b"<script>parent.document.title='taken'</script>",
    "image.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "picture.png": b"<html><script>alert(1)</script>",
    "../../etc/\u202egnp.exe": b"MZ",
    'a"b\r\nX: y;<script>.pdf': b"%PDF",
}


def test_attachments_are_saved_and_never_shown(window, post):
    mail = letter("Files", "see them")
    for name, content in CONFUSED.items():
        clean = name.replace("\r\n", " ")
        mail.add_attachment(content, maintype="text", subtype="html", filename=clean)
    id_ = post.bring(mail)
    shown = window.open(f"/mails/{id_}")
    links = shown.locator(".attachments a")
    assert links.count() == len(CONFUSED)
    assert "\u202e" not in links.nth(3).inner_text()

    for number, content in enumerate(CONFUSED.values(), 1):
        address = f"/v1/mails/{id_}/attachments/{number}"
        answer = window.get(address)
        assert answer.body() == content
        told = answer.headers
        assert told["content-type"] == "application/octet-stream"
        assert told["x-content-type-options"] == "nosniff"
        assert told["content-disposition"].startswith("attachment;")
        assert told["content-security-policy"] == "default-src 'none'; sandbox"
    with shown.expect_download() as got:
        links.first.click()
    assert got.value.suggested_filename == "page.html"
    assert shown.title().startswith("Files")


def test_only_pictures_are_shown_as_pictures(window, post):
    mail = letter("Kinds", "x", "<img src='cid:a'><img src='cid:b'><img src='cid:c' alt='real'>")
    within(mail, b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "a")
    within(mail, b"<script>1</script>", PNG, "b")
    within(mail, picture(1, 2, 3), "application/octet-stream", "c")
    shown = window.open(f"/mails/{post.bring(mail)}")
    images = shown.frame_locator("iframe").locator("img")

    assert [image.get_attribute("src") is None for image in images.all()] == [True, True, False]
    assert images.nth(2).evaluate("image => image.decode().then(() => image.naturalWidth)") == 120


def test_text_headers_and_source_are_there_to_read(window, world):
    ids = letters(world)
    shown = window.open(f"/mails/{ids['second']}")
    link = shown.get_by_role("link", name="https://press.example.org/winter")
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert "> has anybody" in text(shown)

    shown.get_by_role("link", name="Headers").click()
    shown.wait_for_url("**/headers")
    row = shown.get_by_role("row", name="In-Reply-To")
    assert "<q1@example.org>" in row.inner_text()

    shown.get_by_role("link", name="Source").click()
    shown.wait_for_url("**/source")
    assert (
        "References: <q1@example.org>"
        in shown.get_by_role("region", name="Source").last.inner_text()
    )
    with shown.expect_download() as got:
        shown.get_by_role("link", name="Download Source").click()
    assert got.value.path().read_bytes().startswith(b"Subject: Re: Price list")


def test_the_conversation_leads_to_its_other_mails(window, world):
    ids = letters(world)
    shown = window.open(f"/mails/{ids['second']}")
    thread = shown.get_by_role("region", name="Conversation")
    assert thread.locator("li").all_inner_texts()[1].endswith("this mail")

    thread.get_by_role("link", name="Re: Price list").click()
    shown.wait_for_url(f"**/mails/{ids['third']}")
    assert thread.get_by_role("link").all_inner_texts() == ["Price list", "Re: Price list"]


def test_of_a_long_conversation_the_nearest_are_shown(window, post, monkeypatch):
    monkeypatch.setattr(mail_page, "NEAR", 2)
    ids = [
        post.bring(
            letter("Long", f"{n}", Message_ID=f"<long{n}@x>", References="<long0@x>",
                   Date=f"Mon, 5 Jan 2026 10:{n:02}:00 +0000")
        )
        for n in range(9)
    ]  # fmt: skip
    shown = window.open(f"/mails/{ids[4]}")
    thread = shown.get_by_role("region", name="Conversation")

    assert thread.get_by_role("link").count() == 4
    assert "4 more mails are not shown." in thread.inner_text()


def test_where_it_stands_and_what_was_wrong_with_it(window, world, post):
    raw = letter("Twice", "the same")
    id_ = post.bring(raw, folder="INBOX")
    assert post.bring(raw, folder="Archive/2026") == id_
    shown = window.open(f"/mails/{id_}")
    rows = shown.get_by_role("region", name="On the server").locator("tbody tr")
    assert ["office INBOX" in row or "office Archive/2026" in row for row in rows.all_inner_texts()]
    assert rows.count() == 2

    shown = window.open(f"/mails/{letters(world)['broken']}")
    notes = shown.get_by_role("region", name="What was wrong with it")
    assert "Its date does not exist." in notes.inner_text()
    assert "none that exists" in facts(shown, "Date")


def test_what_could_not_be_read_says_why_and_shows_its_bytes(window, world):
    caller, raw = world.caller, b"From: x@example.org\r\n\r\nkilled its reader"
    caller.mailbox = "work"
    told = caller.delivery(77, raw, mail=None, outcome="quarantined", stage="parse",
                           reason="its worker was killed twice")  # fmt: skip
    caller.deliver(told, keep={told["sha256"]: raw})
    id_ = Place.get(Place.state == "quarantined").mail_id
    shown = window.open(f"/mails/{id_}")

    notes = shown.get_by_role("region", name="What was wrong with it")
    assert "Set aside: parse its worker was killed twice" in notes.inner_text()
    assert "It could not be read as a mail." in text(shown)
    shown.get_by_role("link", name="Source").click()
    shown.wait_for_url("**/source")
    assert "killed its reader" in text(shown)


def test_the_scripts_that_ran_on_it_are_told(window, world):
    id_, shop = letters(world)["first"], workshop(world)
    run = shop.scripter.run("orders", mail=id_)["id"]
    other = shop.scripter.run("orders", mail=letters(world)["third"])["id"]
    shown = window.open(f"/mails/{id_}")
    told = shown.get_by_role("region", name="Scripts that ran on it")
    assert told.get_by_role("link", name=f"Run {run}", exact=True).count() == 1
    assert told.get_by_role("link", name=f"Run {other}", exact=True).count() == 0

    shown = window.open("/mails/1")
    told = shown.get_by_role("region", name="Scripts that ran on it")
    assert "Replay" in told.inner_text()
    told.get_by_role("link").last.click()
    shown.wait_for_url("**/replays/*")


def test_a_mail_that_is_none_is_told(window):
    assert "There is no mail 99999" in text(window.open("/mails/99999", 404))
    window.open("/mails/99999/html", 404)
    window.open("/mails/1/nothing", 404)


def test_without_its_bytes_a_mail_is_still_read(window, world, post):
    mail = letter("Lost", "x", "<p>Words</p><img src=cid:logo>")
    within(mail, picture(1, 2, 3), PNG, "logo")
    id_ = post.bring(mail)
    with world.db.writing():
        Mail.update(has_raw=False).where(Mail.id == id_).execute()

    shown = window.open(f"/mails/{id_}")
    assert shown.frame_locator("iframe").get_by_text("Words").is_visible()
    assert "not held" in text(window.open(f"/mails/{id_}/source"))
    assert shown.get_by_role("link", name="Download").count() == 0
