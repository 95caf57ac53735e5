"""The settings pages: what is in force, tokens, webhooks, mailboxes; no secret but once."""

import pytest

from api.models import Run, Task, Token, Webhook, WebhookDelivery
from api.telling import webhooks
from tests.web.browser import text

PAGES = ("/", "/events", "/settings", "/settings/mailboxes", "/settings/tokens",
         "/settings/webhooks", "/settings/users", "/account")  # fmt: skip


@pytest.fixture
def admin(window, world):
    window.enter(world.admin_cookie())
    return window


def _holds_no(window, secret, *more):
    """No page holds it, nor do the cookies, the addresses or the events."""
    assert secret
    for path in (*PAGES, *more):
        answer = window.get(path)
        assert answer.ok, path
        assert secret not in answer.text(), path
    assert secret not in window.page.url
    assert secret not in str(window.context.cookies())
    assert secret not in window.get("/v1/events?limit=500").text()


def test_the_settings_show_what_is_in_force_and_no_secret(admin, world):
    with world.db.writing():
        run = Run.select().where(Run.worker != "").order_by(Run.id.desc()).get()
        Run.update(isolation="bubblewrap").where(Run.id == run.id).execute()
    page = admin.open("/settings")

    told = text(page)
    for each in ("postroom.sqlite", "127.0.0.1:5000", "ops@example.org", "90 days", "mails.sqlite",
                 world.app.config["STORAGE"].id, "bubblewrap: own file system", run.worker,
                 "under 5 % or 500 MB free", "Spool of large mails"):  # fmt: skip
        assert each in told
    _holds_no(admin, world.admin_token)
    assert Token.get(Token.name == "admin").sha256 not in page.content()


def test_a_token_is_shown_once_and_then_revoked(admin, world):
    page = admin.open("/settings/tokens")
    page.get_by_label("Name").fill("desk")
    page.get_by_label("ingest").check()
    with page.expect_response("**/settings/tokens") as made:
        admin.press("Make token")
    assert made.value.headers["cache-control"] == "no-store"
    secret = page.locator("#secret").inner_text()

    assert page.url.endswith("/settings/tokens")
    _holds_no(admin, secret, "/settings/tokens/desk")
    bearer = {"Authorization": f"Bearer {secret}"}
    assert world.app.test_client().get("/v1/mails", headers=bearer).status_code == 200
    assert "read, ingest" in text(admin.open("/settings/tokens"))
    page.get_by_role("link", name="Revoke desk").click()
    admin.press("Revoke desk")

    assert "The token is revoked." in text(page)
    assert world.app.test_client().get("/v1/tokens", headers=bearer).status_code == 401
    assert world.events("token.made")[-1] == {
        "by": "admin", "token": "desk", "scopes": ["read", "ingest"],
    }  # fmt: skip
    assert world.events("token.revoked")[-1] == {"by": "admin", "token": "desk"}


def test_what_is_wrong_with_a_token_stands_at_its_field(admin):
    page = admin.open("/settings/tokens")
    admin.expected.update((400, 409))
    page.get_by_label("Name").fill("admin")
    admin.press("Make token")
    assert "There is a token 'admin'" in page.locator("#name-wrong").inner_text()

    page.get_by_label("Name").fill("none")
    page.get_by_label("read").first.uncheck()
    admin.press("Make token")
    assert "Scopes are some of" in page.locator("#scopes-wrong").inner_text()


def test_an_own_token_needs_its_name_typed(admin, world):
    with world.db.writing():
        Token.create(name="runner", sha256="0" * 64, scopes=["run", "read"])
    page = admin.open("/settings/tokens/runner")
    assert "the next start of the API writes a new one" in text(page)
    admin.expected.add(400)
    page.get_by_label("Type runner to confirm").fill("yes")
    admin.press("Revoke runner")
    assert "Nothing was revoked" in text(page)
    assert Token.select().where(Token.name == "runner").exists()

    page.get_by_label("Type runner to confirm").fill("runner")
    admin.press("Revoke runner")
    assert not Token.select().where(Token.name == "runner").exists()


def test_a_webhook_is_added_tried_changed_and_deleted(admin, world):
    page = admin.open("/settings/webhooks")
    page.get_by_label("Address").fill("https://hooks.example/in")
    page.get_by_label("Kinds of events").fill("source.*, mail.stored")
    admin.press("Add webhook")
    secret, hook = page.locator("#secret").inner_text(), Webhook.get()
    path = f"/settings/webhooks/{hook.id}"
    assert (hook.secret, hook.kinds) == (secret, ["source.*", "mail.stored"])
    _holds_no(admin, secret, path)

    admin.open(path)
    admin.press("Send a test")
    assert "webhook.test" in text(page)
    with world.db.writing():
        WebhookDelivery.update(
            state="failed", attempts=10, status=503, error="it is down", ended=hook.created
        ).execute()
    admin.open(path)
    assert "503 it is down" in text(page)
    admin.press(f"Redeliver {WebhookDelivery.get().event}")
    assert "It will be sent again." in text(page)
    assert WebhookDelivery.get().state == "due"

    admin.press("Disable")
    assert not Webhook.get().enabled
    assert page.get_by_role("button", name="Send a test").count() == 0
    admin.press("Enable")
    page.get_by_label("Name").fill("hooks")
    page.get_by_label("Sources").fill("work")
    page.get_by_label("Make a new secret").check()
    admin.press("Save")
    again = page.locator("#secret").inner_text()
    assert (Webhook.get().name, Webhook.get().sources) == ("hooks", ["work"])
    assert again == Webhook.get().secret != secret
    _holds_no(admin, again, path)

    admin.open(path)
    admin.expected.add(400)
    admin.press("Delete hooks")
    assert "Nothing was deleted" in text(page)
    page.get_by_label("Delete the webhook").check()
    admin.press("Delete hooks")
    assert "The webhook is deleted." in text(page)
    assert not Webhook.select().exists()
    assert world.events("webhook.deleted")[-1]["by"] == "admin"


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [("Address", "https://ann:pw@hooks.example/", "name and password"),
     ("Kinds of events", "No Kind", "matching regex")],
)  # fmt: skip
def test_what_is_wrong_with_a_webhook_stands_at_its_field(admin, field, value, wrong):
    page = admin.open("/settings/webhooks")
    admin.expected.add(400)
    page.get_by_label("Address").fill("https://hooks.example/in")
    page.get_by_label(field).fill(value)
    admin.press("Add webhook")

    assert page.get_by_label(field).get_attribute("aria-invalid") == "true"
    assert wrong in page.locator(".wrong").inner_text()
    assert not Webhook.select().exists()


def test_a_disabled_webhook_is_not_tried(admin, world):
    hook, _ = webhooks.create(
        world.db, webhooks.NewWebhook(url="https://hooks.example/in", enabled=False)
    )
    page = admin.open(f"/settings/webhooks/{hook.id}")

    assert page.get_by_role("button", name="Send a test").count() == 0
    webhooks.delete(world.db, hook.id)


def test_a_mailbox_is_synced_and_verified(window, world):
    window.enter(world.cookie("bob", "operator"))
    page = window.open("/settings/mailboxes")
    assert "5 listed, 5 stored, 0 missing" in text(page)
    window.press("Sync now work")
    window.press("Verify work")

    assert "The provider will verify the mailbox" in text(page)
    asked = [(each["what"], each["by"]) for each in world.events("source.asked")]
    assert asked[-2:] == [("sync", "bob"), ("verify", "bob")]
    with world.db.writing():
        Task.update(state="done", result="connected and logged in").where(
            Task.kind == "verify"
        ).execute()
    page.reload()
    assert "connected and logged in" in text(page)


def test_a_reader_sees_mailboxes_and_nothing_else_of_the_settings(window, world):
    window.enter(world.cookie("eve", "reader"))
    page = window.open("/settings/mailboxes")

    assert page.get_by_role("button", name="Verify").count() == 0
    links = page.get_by_role("navigation", name="Settings").get_by_role("link")
    assert links.all_inner_texts() == ["Mailboxes"]
    for path in ("/settings", "/settings/tokens", "/settings/webhooks"):
        assert window.get(path).status == 403
