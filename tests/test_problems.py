"""What servers answer, in plain words."""

import pytest

from postroom.errors import SourceError, TemporaryError
from provider.tools.problems import explain

REFUSED = "logging in to HOST as ann: user name or password refused: "
SAID = {
    "[ALERT] Application-specific password required: https://support.example/185833 (Failure)":
        "app_password_needed",
    "[AUTHENTICATIONFAILED] NEOBHODIM parol prilozheniya / Application password is REQUIRED":
        "app_password_needed",
    "[ALERT] Your account is not enabled for IMAP use. Please visit your settings page":
        "disabled",
    "[SYS/PERM] Your account is not enabled for POP access.": "disabled",
    "[ALERT] IMAP access is disabled for your domain.": "disabled",
    "[AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled":
        "password_or_disabled",
    "[WEBALERT https://example.org] Web login required.": "oauth2_needed",
    "[ALERT] Please log in via your web browser": "oauth2_needed",
    "LogonDenied-BasicAuthBlocked": "oauth2_needed",
    "[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure connections.":
        "tls_needed",
    "[AUTHENTICATIONFAILED] Invalid credentials (Failure)": "password",
    "LOGIN failed.": "password",
}  # fmt: skip


@pytest.mark.parametrize("answer", SAID)
def test_a_refused_login_is_explained_by_what_the_server_says(answer):
    problem = explain(SourceError(REFUSED + answer), "imap at mail.example.org for ann")

    assert problem.code == SAID[answer]
    assert problem.said.endswith(answer)
    assert problem.words
    assert problem.remedy


def test_servers_that_take_no_passwords_are_known_by_their_names():
    error = SourceError(REFUSED + "LOGIN failed.")

    assert explain(error, "imap at outlook.office365.com for ann").code == "oauth2_needed"
    assert explain(error, "imap at notoutlook.example.org for ann").code == "password"


def test_what_passes_by_itself_is_busy_and_the_rest_is_shown():
    assert explain(TemporaryError("[UNAVAILABLE] later"), "").code == "busy"
    assert explain(SourceError("no such folder"), "").code == "other"
