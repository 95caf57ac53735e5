"""Who may see and do what, and for how long."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from api.access import guessing, sessions, users
from api.app import create_app
from api.models import Session, Token, User
from api.rest import security
from postroom.errors import RefusedError
from tests.api.scripter import ago
from tests.web.browserless import HTML, form_token, send, signed_in
from tests.web.world import METHOD, PASSWORD


def test_without_users_this_machine_reads_and_is_asked_for_the_token_to_do_more(client, world):
    assert client.get("/", headers=HTML).status_code == 200
    asked = client.get("/settings/users", headers=HTML)
    answer = send(client, "/login", token=world.admin_token, next="/settings/users")

    assert asked.headers["Location"] == "/login?next=/settings/users"
    assert answer.headers["Location"] == "/settings/users"
    assert client.get("/settings/users", headers=HTML).status_code == 200


def test_beyond_this_machine_pages_ask_as_well(client, world):
    elsewhere = create_app(world.db, world.app.config["STORAGE"], "0.0.0.0").test_client()

    assert elsewhere.get("/", headers=HTML).status_code == 303
    assert client.get("/", headers={**HTML, "X-Forwarded-For": "10.0.0.1"}).status_code == 303


@pytest.mark.parametrize(
    ("role", "page", "start", "change"),
    [("reader", 403, 403, 403), ("operator", 403, 404, 403), ("admin", 200, 404, 404)],
)
def test_a_role_opens_what_it_says(client, world, role, page, start, change):
    signed_in(client, world, role)
    headers = {"X-CSRF-Token": form_token(client, "/account")}

    assert client.get("/settings/users", headers=HTML).status_code == page
    assert client.get("/v1/mails").status_code == 200
    run = client.post("/v1/scripts/none/run", json={}, headers=headers)
    assert run.status_code == start
    deleted = client.delete("/v1/scripts/none", json={}, headers=headers)
    assert deleted.status_code == change


def test_rest_by_a_session_needs_the_token_of_its_forms(client, world):
    signed_in(client, world, "admin")

    answer = client.post("/v1/scripts/none/run", json={})

    assert answer.get_json()["code"] == "bad_csrf"


def test_the_cookie_is_for_us_alone_and_only_its_hash_is_kept(client, world, monkeypatch):
    monkeypatch.setattr(users, "METHOD", METHOD)
    world.add_user("ann", "reader")
    answer = send(client, "/login", name="ann", password=PASSWORD)
    (cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if sessions.COOKIE in c]
    secret = cookie.partition("=")[2].partition(";")[0]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert secret not in {row.sha256 for row in Session.select()}
    assert User.get(User.name == "ann").password.startswith("scrypt:32768:8:1$")


def test_under_https_the_cookie_is_secure_and_the_origin_fits(client, world):
    world.add_user("ann", "reader")
    headers = {"X-Forwarded-Proto": "https", "Origin": "https://localhost"}
    fields = {"csrf": form_token(client), "name": "ann", "password": PASSWORD}
    answer = client.post("/login", data=fields, headers=headers)

    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]


ENDS = {
    "role": lambda world: users.set_role(world.db, "ann", "operator"),
    "password": lambda world: users.set_password(world.db, "ann", "another password"),
    "removal": lambda world: users.remove(world.db, "ann"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_session_ends_with_what_it_was_begun_for(client, world, end):
    world.add_user("boss", "admin")
    signed_in(client, world, "reader")
    assert client.get("/", headers=HTML).status_code == 200

    ENDS[end](world)

    assert client.get("/", headers=HTML).status_code == 303


def test_a_session_ends_by_the_clock(client, world):
    signed_in(client, world, "reader")
    with world.db.writing():
        Session.update(expires=ago(seconds=1)).execute()

    assert client.get("/", headers=HTML).status_code == 303


def test_a_session_ends_with_its_token(client, world):
    with world.db.writing():
        token = security.new_token("passing", ["admin"])
    send(client, "/login", token=token)
    with world.db.writing():
        Token.delete().where(Token.name == "passing").execute()

    assert client.get("/settings/users", headers=HTML).status_code == 303


def test_signing_out_ends_the_session_for_good(client, world):
    signed_in(client, world, "reader")
    fields = {"csrf": form_token(client, "/account")}
    cookie = client.get_cookie(sessions.COOKIE)
    client.post("/logout", data=fields)
    client.set_cookie(sessions.COOKIE, cookie.value)

    assert client.get("/", headers=HTML).status_code == 303


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/\n/evil", "evil"]
)
def test_after_signing_in_nobody_is_sent_elsewhere(client, world, target):
    world.add_user("ann", "reader")
    answer = send(client, "/login", name="ann", password=PASSWORD, next=target)

    assert answer.headers["Location"] == "/"


def test_guessing_gets_slower_and_says_how_long(client, world, monkeypatch):
    # The pause does not pass while the test waits for its own requests.
    monkeypatch.setattr(guessing, "time", SimpleNamespace(monotonic=lambda: 1.0))
    world.add_user("ann", "reader")
    for _ in range(3):
        send(client, "/login", 403, name="ann", password="wrong password")
    answer = send(client, "/login", 429, name="ann", password=PASSWORD)

    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "Too many tries" in answer.text


def test_a_right_password_forgives_the_misses_before():
    guesses = guessing.Guesses()
    for _ in range(2):
        assert guesses.begin("ann") == 0
    guesses.forgive("ann")

    assert [guesses.begin("ann") for _ in range(3)] == [0, 0, 0]
    assert guesses.begin("ann") > 0


def test_pauses_grow_up_to_a_minute_and_few_are_kept(monkeypatch):
    guesses, moment = guessing.Guesses(), [0.0]
    monkeypatch.setattr("api.access.guessing.time.monotonic", lambda: moment[0])
    pauses = []
    for _ in range(12):
        pauses.append(guesses.begin("ann"))
        moment[0] += guesses.begin("ann")
    monkeypatch.setattr(guessing, "MOST_KEPT", 4)
    for number in range(20):
        guesses.begin(str(number))

    assert guesses.begin("19") == 0
    assert max(pauses) <= 60
    assert len(guesses._misses) <= 5


def test_who_signs_in_and_what_they_do_is_told(client, world):
    signed_in(client, world, "admin")
    token = form_token(client, "/settings/users")
    fields = {"csrf": token, "name": "bob", "password": PASSWORD, "role": "reader"}
    client.post("/settings/users", data=fields)

    assert world.events("user.signed_in")[-1]["user"] == "ann"
    told = world.events("user.changed")[-1]
    assert told == {"by": "ann", "user": "bob", "what": "added", "role": "reader"}


def test_a_wrong_password_is_told_without_an_unknown_name(client, world):
    send(client, "/login", 403, name="my password by mistake", password="x")

    assert world.events("user.refused")[-1]["user"] is None


def test_an_action_by_a_token_names_it(world):
    world.caller.post("/v1/scripts", {"name": "told", "source": "pass"}, 201,
                      Authorization=f"Bearer {world.admin_token}")  # fmt: skip

    assert world.events("script.changed")[-1]["by"] == "admin"
    assert "by" not in world.events("mail.stored")[-1]


def test_users_are_enough_to_listen_elsewhere(client, world):
    world.add_user("ann", "admin")

    security.check_bind("0.0.0.0")


def test_errors_are_pages_for_browsers_and_problems_for_programs(client):
    page = client.get("/nothing", headers=HTML)
    problem = client.get("/nothing", headers={"Accept": "*/*"})

    assert page.mimetype == "text/html"
    assert "There is nothing here" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert problem.get_json()["code"] == "not_found"


def test_a_page_that_breaks_tells_nothing_of_itself(client, monkeypatch):
    monkeypatch.setattr("api.web.overview.scriptshown.scripts", lambda _: 1 / 0)
    page = client.get("/", headers=HTML)

    assert page.status_code == 500
    assert "division" not in page.text
    assert "on our side" in page.text


def test_the_last_admin_stays(client, world):
    world.add_user("ann", "admin")
    world.add_user("eve", "reader")

    with pytest.raises(RefusedError, match="last admin"):
        users.set_role(world.db, "ann", "reader")
    with pytest.raises(RefusedError, match="last admin"):
        users.remove(world.db, "ann")


@pytest.mark.parametrize(
    ("name", "password", "role"),
    [("", PASSWORD, "reader"), (" a", PASSWORD, "reader"), ("a\n", PASSWORD, "reader"),
     ("a", "short", "reader"), ("a", "x" * 1001, "reader"), ("a", PASSWORD, "god")],
)  # fmt: skip
def test_what_is_no_user_is_refused(world, name, password, role):
    with pytest.raises(RefusedError):
        users.add(world.db, name, password, role)


def test_no_page_names_a_folder_of_this_machine(client, world, tmp_path: Path):
    assert str(tmp_path.parent.parent) not in client.get("/", headers=HTML).text
