"""What others write stays text on every page, and no page runs anything of its own text."""

import re
from html.parser import HTMLParser

import pytest

from api.log import events
from api.models import Run, Script, Token
from api.telling import alarms, webhooks
from tests.web.browserless import HTML, signed_in
from tests.web.workshop import NASTY, workshop

#: What leads to something that is there; the first of its kind where nothing is said.
PLACES = {
    "script_pages": {"name": "orders"},
    "source_pages": {"name": "orders"},
    "replay_pages": {"name": "orders"},
    "tokenpages": {"name": NASTY},
    "users": {"name": NASTY},
}
#: What pages take from their addresses and may show again.
ASKED = ("q", "kind", "source", "since", "script", "mailbox", "show", "next", "cursor", "_anchor")
#: A mail's own HTML is a document apart: it may have styles, and test_mailhtml tries it.
APART = {"mail_page.html"}
QUERIES = [{}, dict.fromkeys(ASKED, NASTY), *({name: NASTY} for name in ("q", "kind", "since"))]


class Page(HTMLParser):
    """What of a page would run: scripts, styles, and what hangs on events."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and not (names.get("src") or "").startswith("/")):
            self.runs.append(tag)
        self.runs += [name for name in names if name == "style" or name.startswith("on")]
        urls = [names.get(name) or "" for name in ("href", "src", "action")]
        self.runs += [url for url in urls if re.match(r"\s*(javascript|data):", url, re.IGNORECASE)]


@pytest.fixture
def hostile(client, world):
    """Everything that comes from elsewhere is hostile."""
    shop, api = workshop(world), world.caller
    signed_in(client, world, "admin", NASTY)
    api.deliver(api.failure(77, "refused", NASTY))
    shop.scripter.put("/v1/scripts/orders", {"description": NASTY, "arguments": {NASTY: NASTY}})
    (run,) = shop.scripter.claim(NASTY, run=shop.scripter.run("orders")["id"])
    shop.scripter.log(run, NASTY)
    shop.scripter.log(run, NASTY, stream="err")
    shop.scripter.finish(run, output=NASTY, error=NASTY, status="error")
    with world.db.writing():
        events.tell("source.failing", "work", error=NASTY, by=NASTY)
        Token.create(name=NASTY, sha256="1" * 64, scopes=["read"])
        Script.update(on_mail=NASTY, on_file=NASTY).where(Script.name == "invoices").execute()
        Run.update(error=NASTY, worker=NASTY).execute()
    alarms.follow(world.db)
    told = webhooks.NewWebhook(url="https://hooks.example/<b>", name=NASTY, sources=[NASTY])
    hook, _ = webhooks.create(world.db, told)
    webhooks.try_out(world.db, hook.id)
    return client


def test_what_others_write_stays_text_on_every_page(hostile, world):
    seen, nasty = 0, 0
    for path in places(world):
        for query in QUERIES:
            answer = hostile.get(path, query_string=query, headers=HTML)
            assert answer.status_code < 500, (path, query)
            if answer.mimetype == "text/html":
                assert NASTY not in answer.text, (path, query)
                assert Page(answer.text).runs == [], (path, query)
                policy = answer.headers["Content-Security-Policy"]
                assert "unsafe" not in policy, path
                seen += answer.status_code == 200
                nasty += "&lt;script&gt;document.title" in answer.text
    assert seen > 50
    assert nasty > 50


def places(world) -> list[str]:
    """An address of each page."""
    adapter, found = world.app.url_map.bind("127.0.0.1"), []
    for rule in world.app.url_map.iter_rules():
        view = world.app.view_functions[rule.endpoint]
        is_page = "GET" in (rule.methods or ()) and view.__module__.startswith("api.web.")
        if is_page and rule.endpoint not in APART:
            first = {"id_": 1, "name": "work", "number": 1, "stream": "out"}
            values = {**first, **PLACES.get(rule.endpoint.partition(".")[0], {})}
            for name, converter in rule._converters.items():
                values.setdefault(name, min(getattr(converter, "items", {1})))
            found.append(adapter.build(rule.endpoint, {n: values[n] for n in rule.arguments}))
    return found
