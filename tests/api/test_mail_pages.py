"""The pages of mails, on both databases; what they look like is looked at in tests/web."""

import pytest
from flask.testing import FlaskClient

from api.models import Deletion, Place, Quarantine, Run
from postroom import runs
from tests.web.letters import BROKEN, Letters, conversation, newsletter, page

HTML = {"Accept": "text/html"}


@pytest.fixture
def post(api):
    api.hello()
    return Letters(api)


def asked(api, path: str):
    """As a browser asks; of pages the API's own description tells nothing."""
    return FlaskClient(api.app, api.app.response_class).get(path, headers=HTML)


def shown(api, path: str, status: int = 200) -> str:
    answer = asked(api, path)
    assert answer.status_code == status, answer.text
    return str(answer.text)


def test_mails_are_found_newest_and_best_first_and_by_all_filters(api, post):
    for mail in (*conversation(), newsletter()):
        post.bring(mail)

    assert "Prices for the winter" in shown(api, "/mails")
    assert "<mark>Price</mark>" in shown(api, "/mails?q=price&sort=rank")
    query = "mailbox:work folder:INBOX after:2026 before:2027 has:attachment -thanks"
    found = shown(api, f"/mails?q={query}")
    assert "Prices for the winter" in found
    assert "Re: Price list" not in found
    assert "At character 1" in shown(api, "/mails?q=)", 400)
    assert "No mail is like that" in shown(api, "/mails?q=nowhere")


def test_all_of_a_mail_is_shown(api, post, scripter):
    ids = [post.bring(mail) for mail in conversation()]
    scripter.script("prices")
    run = scripter.run("prices", mail=ids[1])["id"]

    found = shown(api, f"/mails/{ids[1]}")
    for words in ("Conversation", f"/runs/{run}", "UIDVALIDITY 7", "https://press.example.org"):
        assert words in found
    assert "this mail" in found
    assert "References" in shown(api, f"/mails/{ids[1]}/headers")
    assert "In-Reply-To" in shown(api, f"/mails/{ids[1]}/source")
    assert "Its date does not exist" in shown(api, f"/mails/{post.bring(BROKEN)}")
    assert "data:image/png;base64," in shown(api, f"/mails/{post.bring(newsletter())}/html")


def test_why_a_mail_was_set_aside_is_told(api, post):
    raw = b"From: x@example.org\r\n\r\nbad"
    told = api.delivery(77, raw, mail=None, outcome="quarantined", stage="parse", reason="killed")
    api.deliver(told, keep={told["sha256"]: raw})
    id_ = Quarantine.get().place.mail_id

    assert "Set aside: parse" in shown(api, f"/mails/{id_}")
    assert "Quarantined" in shown(api, "/mails")


def test_what_was_deleted_at_the_source_is_told(api, post):
    id_ = post.bring(BROKEN)
    place = Place.get(Place.mail == id_)
    with api.db.writing():
        Deletion.create(place=place, mail=id_, state="kept", reason="newer bytes came")

    assert "kept" in shown(api, f"/mails/{id_}")
    assert "newer bytes came" in shown(api, f"/mails/{id_}")


def test_what_replays_made_of_a_mail_is_told(api, post, scripter):
    id_ = post.bring(BROKEN)
    scripter.script("prices")
    replay = scripter.post("/v1/scripts/prices/replay", {"mails": {}}, 201)["id"]
    scripter.tell(f"/v1/replays/{replay}/claim", runs.ClaimBatch(worker="a"))

    assert f"Replay {replay} of prices" in shown(api, f"/mails/{id_}")


def test_runs_are_found_by_their_mail(api, post, scripter):
    ids = [post.bring(mail) for mail in conversation()]
    scripter.script("prices")
    ran = [scripter.run("prices", mail=id_)["id"] for id_ in ids]

    (found,) = api.get(f"/v1/runs?mail={ids[0]}")["items"]
    assert (found["id"], found["mail"]) == (ran[0], ids[0])
    assert api.get("/v1/runs?mail=99")["items"] == []
    for wrong in ("x", "-1", "1" * 10, "²"):
        assert api.get(f"/v1/runs?mail={wrong}", 400)["code"] == "bad_number"


@pytest.mark.sqlite_only
def test_runs_of_a_mail_are_looked_up_and_not_all_read(api, db, post, scripter):
    sql, values = Run.select(Run.id).where(Run.mail == 1).order_by(Run.id.desc()).sql()
    plan = db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()

    assert "runs_mail" in str(plan)


def test_the_frame_says_what_its_document_may_do(api, post):
    id_ = post.bring(page("<p onclick=alert(1)>x</p><img src=http://e.example/x.png>"))
    bare = asked(api, f"/mails/{id_}/html")
    loaded = asked(api, f"/mails/{id_}/html?pictures=1")
    policy = bare.headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline';")
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    for never in ("allow-scripts", "allow-same-origin", "allow-forms", "allow-top", "http:"):
        assert never not in policy
    assert "img-src data: https: http:;" in loaded.headers["Content-Security-Policy"]
    assert bare.headers["Referrer-Policy"] == "no-referrer"
    assert bare.headers["X-Content-Type-Options"] == "nosniff"
    assert bare.headers["Cache-Control"] == "no-store"
    assert "e.example" not in bare.text
    assert "onclick" not in loaded.text
    assert 'src="http://e.example/x.png"' in loaded.text
