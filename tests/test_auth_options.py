"""What a section says of its login."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from postroom import oauth2, settings
from postroom.errors import CredentialError, RefusedError, SettingsError
from postroom.oauth2 import Client
from provider import accounts
from provider.auth import AuthOptions, sasl
from provider.auth.keeping import TokenFile
from provider.auth.options import PROVIDERS
from provider.sources.imap.options import ImapOptions
from tests.servers.dovecot import make_certificate
from tests.servers.token_endpoint import TokenEndpoint

OAUTH2: dict[str, Any] = {"auth": "oauth2", "oauth2_client_id": "client-1"}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"auth": "oauth2"}, "oauth2_client_id: missing"),
        (OAUTH2, "oauth2_provider: missing: set it, or oauth2_token_url"),
        ({**OAUTH2, "oauth2_provider": "gogle"}, "expected one of google, microsoft"),
        ({"oauth2_provider": "google"}, "auth: found password, but oauth2_ keys are set"),
        ({**OAUTH2, "oauth2_token_url": "http://example.org/"}, "oauth2_token_url: found 'http:"),
        ({**OAUTH2, "oauth2_token_url": "https://"}, "oauth2_token_url: found 'https:"),
        (
            {**OAUTH2, "oauth2_provider": "google", "oauth2_device_url": "ftp://x"},
            "oauth2_device_url: found 'ftp:",
        ),
    ],
)
def test_what_cannot_work_is_said(keys, sentence):
    with pytest.raises(ValueError, match=sentence):
        ImapOptions(**keys)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_provider_needs_no_more_than_a_client_id(provider, kind):
    told = AuthOptions(**OAUTH2, oauth2_provider=provider)

    endpoints = told.endpoints
    assert endpoints.token_url.startswith("https://")
    assert endpoints.authorize_url.startswith("https://")
    assert endpoints.scope(kind)
    assert "{" not in endpoints.token_url + endpoints.authorize_url + endpoints.device_url


def test_what_the_section_says_counts_more_than_the_provider():
    more: dict[str, Any] = {
        "oauth2_scope": "mine",
        "oauth2_token_url": "https://t/",
        "oauth2_tenant": "us.example",
    }
    told = AuthOptions(**OAUTH2, oauth2_provider="microsoft", **more).endpoints

    assert told.token_url == "https://t/"
    assert told.scope("imap") == "mine"
    assert "/us.example/" in told.authorize_url


def test_the_first_messages_are_those_of_the_specifications():
    assert sasl.XOAUTH2.first("me", "t", "h", 143) == b"user=me\x01auth=Bearer t\x01\x01"
    assert sasl.OAUTHBEARER.first("a=b,c", "t", "h", 143) == (
        b"n,a=a=3Db=2Cc,\x01host=h\x01port=143\x01auth=Bearer t\x01\x01"
    )


def test_an_endpoint_whose_certificate_nobody_knows_gets_nothing(tmp_path):
    make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    endpoint = TokenEndpoint(tls=context)
    try:
        with pytest.raises(RefusedError, match="has no certificate that is trusted"):
            oauth2.refreshed(Client(f"{endpoint.url}/token", "client-1"), "planted")
    finally:
        endpoint.close()

    assert endpoint.asked == []


# --- credentials


def config(folder: Path, text: str = "") -> settings.Config:
    (folder / "config.ini").write_text(text)
    return settings.load(folder / "config.ini")


def private(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)


def test_a_password_file_comes_before_imap_credentials(tmp_path, monkeypatch):
    private(tmp_path / "secret", "from the file\n")
    private(tmp_path / "imap_credentials.py", "imap_username = 'me'\nimap_password = 'other'\n")

    told = accounts.find(config(tmp_path), "work", AuthOptions(password_file="secret"))
    assert (told.username, told.password) == ("me", "from the file")

    monkeypatch.setenv("POSTROOM_WORK_PASSWORD", "from the environment")
    told = accounts.find(config(tmp_path), "work", AuthOptions(password_file="secret"))
    assert told.password == "from the environment"


def test_a_password_file_that_others_may_open_is_refused(tmp_path):
    (tmp_path / "secret").write_text("planted")
    (tmp_path / "secret").chmod(0o644)

    with pytest.raises(CredentialError, match="chmod 600") as caught:
        accounts.find(config(tmp_path), "work", AuthOptions(password_file="secret"))

    assert "planted" not in str(caught.value)


def test_token_files_have_names_of_their_own(tmp_path):
    told = config(tmp_path, "[provider]\ntokens = kept")
    options = AuthOptions(**OAUTH2, oauth2_token_url="https://t/")
    names = ["work", "../work", "ä@example.org", "x" * 255, "é" * 255, "."]

    files = [accounts.find(told, name, options).token_file for name in names]

    assert {file.parent for file in files} == {tmp_path / "kept"}
    assert len(set(files)) == len(names)
    for file in files:
        TokenFile(file, "", "").write("t")


def test_no_secret_is_in_the_text_of_what_holds_one():
    endpoint = TokenEndpoint(lambda user: "planted-access")
    try:
        client = Client(f"{endpoint.url}/token", "client-1", "planted-secret")
        got = oauth2.refreshed(client, endpoint.new("planted-user"))
        code = oauth2.device_code(client, f"{endpoint.url}/device")
    finally:
        endpoint.close()

    shown = f"{client} {got} {code}"
    assert [secret for secret in endpoint.given if secret in shown] == []
    assert "planted" not in shown
    assert code.code not in shown


def test_an_unknown_source_has_no_login(tmp_path):
    assert accounts.find(config(tmp_path), "work", None).password is None


def test_a_provider_that_is_misspelt_names_file_and_section(tmp_path):
    text = "[mailbox work]\nauth = oauth2\noauth2_client_id = x\noauth2_provider = gogle\n"

    with pytest.raises(SettingsError, match=r"config\.ini: \[mailbox work\] oauth2_provider: "):
        config(tmp_path, text).named("mailbox")["work"].convert(ImapOptions)
