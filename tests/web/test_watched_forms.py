"""Pages, files and digests by their forms alone, as without a screen, on both databases."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from api import inforce
from api.models import Digest, File, Task
from monitor.pages import PageOptions
from tests.conftest import need
from tests.databases import open_new
from tests.servers import postgres as postgres_server
from tests.web.browserless import HTML, send, signed_in
from tests.web.watch import SECTION, Watch, watch
from tests.web.world import World

POSTS = ("/pages/reports/check", "/files/{autumn}/retry", "/digests/{digest}/retry")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request, tmp_path_factory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    if request.param == "sqlite":
        found = World(folder).seed()
        yield found
        found.close()
        return
    need(postgres_server.BIN / "initdb")
    with open_new(request.getfixturevalue("_postgres"), folder) as db:
        found = World(folder, db).seed()
        yield found
        found.close()


@pytest.fixture
def found(world) -> Watch:
    return watch(world)


@pytest.fixture
def client(world, found) -> Iterator[FlaskClient]:
    world.without_users()
    yield world.app.test_client()
    world.without_users()


def seen(client: FlaskClient, path: str, status: int = 200) -> str:
    """What stands on a page."""
    answer = client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


def numbers(html: str) -> list[int]:
    """Of the files in a list."""
    return [
        int(id_) for id_ in re.findall(r'<th scope="row" class="long"><a href="/files/(\d+)"', html)
    ]


def posts(found: Watch) -> list[str]:
    """What buttons send, each with something to do."""
    digest = found.failing_digest()
    return [path.format(autumn=found.autumn, digest=digest) for path in POSTS]


def test_each_page_is_shown(client, found):
    found.failing_digest()
    assert "/pages/reports" in seen(client, "/pages")
    assert "503 Service Unavailable" in seen(client, "/pages/reports")
    assert numbers(seen(client, "/files?state=failed")) == [
        found.autumn,
        found.number("old.pdf", "prices"),
    ]
    told = seen(client, f"/files/{found.summer}")
    assert File.get_by_id(found.summer).version in told
    assert told.count("/v1/files/") == 3
    assert "535 5.7.8 wrong password" in seen(client, "/digests?page=reports&state=due")
    assert "There is no digest like that." in seen(client, "/digests?page=none")


def test_files_are_filtered_as_the_api_does(client, found):
    older = found.number("summer.pdf", current=False)

    assert numbers(seen(client, "/pages/reports?q=SUMMER")) == [found.summer]
    assert numbers(seen(client, "/pages/reports?q=summer&versions=all")) == [found.summer, older]
    assert numbers(seen(client, "/pages/reports?state=found")) == [found.number("late.pdf")]
    assert numbers(seen(client, "/pages/reports?page=prices&state=failed")) == [found.autumn]
    assert numbers(seen(client, "/files?until=2020-01-01")) == []
    for wrong in ("since=soon", "until=2026-13-01", "state=lost", "versions=2"):
        assert 'aria-invalid="true"' in seen(client, f"/files?{wrong}", 400)


def test_a_file_whose_time_was_over_is_shown_as_such(client, world, found):
    id_ = found.number("budget.xlsx")
    with world.db.writing():
        File.update(state="purged", key="", storage_url="").where(File.id == id_).execute()

    assert numbers(seen(client, "/pages/reports?state=purged")) == [id_]
    told = seen(client, f"/files/{id_}")
    assert "its time was over" in told
    assert "/content" not in told
    assert "1 purged" in seen(client, "/pages")
    with world.db.writing():
        File.update(state="stored").where(File.id == id_).execute()


def test_what_no_page_is_for_is_not_found(client):
    for path in ("/pages/none", "/files/999999", "/pages/none?state=lost"):
        seen(client, path, 404)
    seen(client, "/files?cursor=nonsense", 400)


def test_an_operator_checks_retries_and_mails(client, world, found):
    signed_in(client, world, "operator", "bob")
    for path in posts(found):
        assert "bad_csrf" in client.post(path, data={"csrf": "0" * 64}, headers=HTML).text
        answer = send(client, path, next="/files?state=failed")
        assert answer.headers["Location"] == "/files?state=failed"

    asked = [(each["what"], each["by"]) for each in world.events("source.asked")[-3:]]
    assert asked == [("check", "bob"), ("download", "bob"), ("digest", "bob")]
    due = Task.select().where(Task.state == "due", Task.due == "", Task.source == "reports")
    assert {task.kind for task in due} == {"check", "download", "digest"}
    assert found.mail() == 3


def test_nobody_else_does(client, world, found):
    paths, before = posts(found), Task.select().count()
    for path in paths:
        assert "bad_csrf" in client.post(path, data={"next": "/"}, headers=HTML).text
    signed_in(client, world, "reader", "eve")
    for path in paths:
        assert "forbidden" in send(client, path, 403).text
    for path in ("/pages", "/pages/reports", "/files", f"/files/{found.autumn}", "/digests"):
        assert "/retry" not in seen(client, path)
        assert "/check" not in seen(client, path)
    assert Task.select().count() == before


def test_a_digest_that_is_mailed_is_not_mailed_again(client, world, found):
    sent = Digest.get(Digest.state == "sent").id

    assert "nothing is to be done" in send(client, f"/digests/{sent}/retry", 409).text
    send(client, "/digests/999999/retry", 404)
    send(client, "/files/999999/retry", 404)
    send(client, "/pages/none/check", 404)


def test_the_settings_of_a_page_are_shown_without_secrets(client):
    told = seen(client, "/pages/reports")

    assert "main .downloads" in told
    assert "cookies" in told
    for key in ("cookies", "user", "password_file"):
        assert f">{SECTION[key]}<" not in told
    assert "do not name the page" in seen(client, "/pages/prices")


def test_of_each_setting_of_a_page_somebody_said_whether_it_is_a_secret():
    secret = {"headers", "cookies", "user", "password_file"}

    assert set(PageOptions.__struct_fields__) == {"url", *inforce.TOLD, *secret}


NAVIGATION = {
    "/mails": ("Mails", "page"),
    "/mails/1": ("Mails", "true"),
    "/pages": ("Pages", "page"),
    "/pages/reports": ("Pages", "true"),
    "/files": ("Pages", "true"),
    "/digests": ("Pages", "true"),
    "/scripts/prices/source": ("Scripts", "true"),
    "/scripts/prices/replays": ("Scripts", "true"),
    "/settings/mailboxes": ("Mailboxes", "page"),
}
SETTINGS = {
    "/settings": ("In force", "page"),
    "/settings/tokens/admin": ("Tokens", "true"),
    "/settings/users": ("Users", "page"),
}


def test_the_navigation_marks_where_one_is(client, world):
    send(client, "/login", token=world.admin_token)
    marked = re.compile(r'aria-current="(page|true)">([^<]+)</a></li>')

    for path, (words, how) in NAVIGATION.items():
        assert marked.findall(seen(client, path))[0] == (how, words), path
    for path, (words, how) in SETTINGS.items():
        above = ("page" if path == "/settings" else "true", "Settings")
        assert marked.findall(seen(client, path)) == [above, (how, words)], path


def test_the_links_of_a_list_are_our_own_whatever_was_asked_for(client):
    told = seen(
        client, "/files?_scheme=javascript&_external=1&endpoint=x&name=y&cursor=WyIyMDk5IiwxXQ"
    )

    assert 'href="/files?_scheme=javascript' in told
    assert 'href="javascript' not in told
