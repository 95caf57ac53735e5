"""Who may open which page and send which form: each route has its line here."""

import pytest
from werkzeug.routing import Rule

from api.rest.security import FORMS as FORM_TYPES
from api.rest.security import SAFE_METHODS, is_page
from tests.web.browserless import HTML, filled, form_token, signed_in

#: From who may least on.
ROLES = ("reader", "operator", "admin")
#: Open to who has not signed in, too.
OPEN = {"signing.sign_in", "assets.asset", "assets.favicon"}
#: Pages that not every reader opens.
PAGES = {
    "script_pages.new": "admin",
    "script_pages.settings": "admin",
    "script_pages.ask_delete": "admin",
    "settings.index": "admin",
    "tokenpages.listed": "admin",
    "tokenpages.one": "admin",
    "webhookpages.listed": "admin",
    "webhookpages.one": "admin",
    "users.users": "admin",
    "users.user": "admin",
}
#: Forms, and who may send them; "" stands for everybody.
FORMS = {
    "signing.take_sign_in": "",
    "signing.sign_out": "",
    "signing.choose_theme": "",
    "account.change_password": "reader",
    "overview.acknowledge": "operator",
    "quarantine.retry": "operator",
    "quarantine.retry_all": "operator",
    "mailboxpages.sync": "operator",
    "mailboxpages.verify": "operator",
    "watched_pages.check": "operator",
    "file_pages.retry": "operator",
    "digest_pages.retry": "operator",
    "script_pages.run": "operator",
    "run_pages.stop": "operator",
    "run_pages.retry": "operator",
    "replay_pages.begin": "operator",
    "replay_pages.stop": "operator",
    "script_pages.create": "admin",
    "script_pages.enable": "admin",
    "script_pages.change": "admin",
    "script_pages.delete": "admin",
    "source_pages.replace": "admin",
    "tokenpages.make": "admin",
    "tokenpages.revoke": "admin",
    "webhookpages.add": "admin",
    "webhookpages.change": "admin",
    "webhookpages.enable": "admin",
    "webhookpages.disable": "admin",
    "webhookpages.try_out": "admin",
    "webhookpages.redeliver": "admin",
    "webhookpages.delete": "admin",
    "users.add": "admin",
    "users.change_role": "admin",
    "users.change_password": "admin",
    "users.remove": "admin",
}


def rules(world, *, pages: bool, safe: bool) -> list[tuple[Rule, str]]:
    """The routes of the pages, or all others, each with its methods of that kind."""
    found = []
    for rule in world.app.url_map.iter_rules():
        methods = {m for m in rule.methods or () if (m in SAFE_METHODS) == safe}
        if is_page(world.app.view_functions[rule.endpoint]) == pages:
            found += [(rule, method) for method in sorted(methods - {"HEAD", "OPTIONS"})]
    return found


def test_each_view_of_the_web_pages_is_marked_as_a_page(world):
    views = world.app.view_functions.items()
    web = {name for name, view in views if view.__module__.startswith("api.web.")}

    assert len(web) > 50
    assert [name for name in web if not is_page(world.app.view_functions[name])] == []


def test_each_form_has_its_line(world):
    assert {rule.endpoint for rule, _ in rules(world, pages=True, safe=False)} == set(FORMS)


def test_each_form_needs_its_token(client, world):
    signed_in(client, world, "admin")
    other = form_token(world.app.test_client())
    for rule, method in rules(world, pages=True, safe=False):
        for given in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": other}):
            answer = client.open(filled(rule.rule), method=method, data=given)
            told = (answer.status_code, answer.get_json()["code"])
            assert told == (415 if not given else 403, "unsupported_type" if not given
                            else "bad_csrf"), (rule, given)  # fmt: skip


def test_no_route_for_programs_takes_a_form(client, world):
    signed_in(client, world, "admin")
    token = form_token(client, "/account")
    for rule, method in rules(world, pages=False, safe=False):
        for kind in FORM_TYPES:
            answer = client.open(
                filled(rule.rule), method=method, data={"csrf": token}, content_type=kind
            )
            assert answer.status_code == 415, (rule, method)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sends_its_forms_and_no_others(client, world, role):
    signed_in(client, world, role)
    token = form_token(client, "/account")
    for rule, method in rules(world, pages=True, safe=False):
        if needed := FORMS[rule.endpoint]:
            answer = client.open(filled(rule.rule), method=method, data={"csrf": token})
            told = (answer.get_json(silent=True) or {}).get("code")
            may = ROLES.index(role) >= ROLES.index(needed)
            assert (told != "forbidden") == may, (rule, told)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_and_no_others(client, world, role):
    signed_in(client, world, role)
    for rule, _ in rules(world, pages=True, safe=True):
        answer = client.get(filled(rule.rule))
        told = (answer.get_json(silent=True) or {}).get("code")
        may = ROLES.index(role) >= ROLES.index(PAGES.get(rule.endpoint, "reader"))
        assert answer.status_code < 500, rule
        assert (told != "forbidden") == may, (rule, told)


def test_who_has_not_signed_in_is_asked_to_for_all_but_that(client, world):
    world.add_user("ann", "reader")
    token = form_token(client)
    for rule, _ in rules(world, pages=True, safe=True):
        if rule.endpoint not in OPEN:
            answer = client.get(filled(rule.rule), headers=HTML)
            assert answer.headers["Location"].startswith("/login?next="), rule
    for rule, method in rules(world, pages=True, safe=False):
        if FORMS[rule.endpoint]:
            answer = client.open(filled(rule.rule), method=method, data={"csrf": token})
            assert answer.get_json()["code"] == "unauthorized", rule


def test_no_get_changes_anything(client, world):
    signed_in(client, world, "admin")
    before = world.caller.get("/v1/events?limit=500")["items"]
    for rule, _ in rules(world, pages=True, safe=True):
        client.get(filled(rule.rule), headers=HTML)

    assert world.caller.get("/v1/events?limit=500")["items"] == before
