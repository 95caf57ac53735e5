"""Secrets come from where the operator put them, and are shown nowhere."""

import re
from pathlib import Path

import pytest

from postroom import credentials, settings
from postroom.credentials import Credentials
from postroom.errors import CredentialError

ROOT = Path(__file__).parent.parent
FOUR = """imap_username = 'me'
imap_password = 'hunter2'
imap_server = 'imap.example.org' # for example
imap_port = 993
"""
TABLE = "mailboxes = {'work': {'username': 'w', 'password': 'hunter3', 'port': '1993'}}\n"


@pytest.fixture
def keep(tmp_path: Path):
    def write(text: str | bytes, mode: int = 0o600, name: str = credentials.FILE) -> Path:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        return tmp_path

    return write


def error(folder: Path, name: str = "work") -> str:
    with pytest.raises(CredentialError) as caught:
        credentials.lookup(name, folder)
    return str(caught.value)


def test_the_four_variables_serve_a_mailbox(keep):
    found = credentials.lookup("work", keep(FOUR))

    assert found == Credentials("me", "hunter2", "imap.example.org", 993)


def test_a_mailbox_of_the_table_has_its_own_and_no_other_gets_it(keep):
    folder = keep(FOUR + TABLE)

    assert credentials.lookup("work", folder) == Credentials("w", "hunter3", None, 1993)
    assert credentials.lookup("home", folder).username == "me"


def test_nothing_is_known_without_a_file(tmp_path):
    assert credentials.lookup("work", tmp_path) == Credentials()


def test_the_example_says_nothing_but_the_port(keep):
    folder = keep((ROOT / "imap_credentials.example.py").read_bytes())

    assert credentials.lookup("work", folder) == Credentials(port=993)


def test_the_environment_comes_first_field_by_field(keep, monkeypatch):
    monkeypatch.setenv("POSTROOM_TEAM_EXAMPLE_ORG_PASSWORD", "other")
    monkeypatch.setenv("POSTROOM_TEAM_EXAMPLE_ORG_PORT", "143")

    found = credentials.lookup("team@example.org", keep(FOUR))

    assert found == Credentials("me", "other", "imap.example.org", 143)


def test_a_variable_may_name_a_private_file(keep, monkeypatch):
    folder = keep("from a file\n", name="secret")
    monkeypatch.setenv("POSTROOM_WORK_PASSWORD_FILE", str(folder / "secret"))

    assert credentials.lookup("work", folder).password == "from a file"


def test_a_wrong_port_in_the_environment_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTROOM_WORK_PORT", "99999")

    assert error(tmp_path).startswith("POSTROOM_WORK_PORT: expected a whole number from 1 to 65535")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_may_open_is_refused_with_the_command_that_mends_it(keep, mode):
    folder = keep(FOUR, mode)

    assert error(folder).endswith(f"expected 0600: chmod 600 {folder / credentials.FILE}")


def test_a_file_that_is_named_but_missing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTROOM_WORK_PASSWORD_FILE", str(tmp_path / "nowhere"))

    assert error(tmp_path).endswith("nowhere: cannot be read: No such file or directory")


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path):
    (tmp_path / credentials.FILE).mkdir(mode=0o700)

    assert error(tmp_path).endswith("cannot be read: Is a directory")


def test_the_file_is_never_executed(keep, tmp_path):
    trap = tmp_path / "ran"

    text = error(keep(f"imap_username = open({str(trap)!r}, 'w').name\n"))

    assert "line 1: imap_username: expected plain text" in text
    assert not trap.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("imap_password = 'hunter2", "line 1: not a line of the form name = 'text'"),
        ("\nimport os", "line 2: expected lines of the form name = 'text' only"),
        ("print('hunter2')", "line 1: expected lines of the form name = 'text' only"),
        ("imap_password = hunter2", "line 1: imap_password: expected plain text"),
        ("imap_user = 'hunter2'", "unknown name imap_user: expected imap_username, "),
        ("imap_password = 2", "imap_password: expected text in quotes, found int"),
        ("imap_port = True", "imap_port: expected a whole number from 1 to 65535"),
        ("imap_port = 0", "imap_port: expected a whole number from 1 to 65535"),
        ("mailboxes = ['hunter2']", "mailboxes: expected a table of mailboxes by name"),
        ("mailboxes = {'work': 'hunter2'}", "mailboxes['work']: expected a table with username, "),
        ("mailboxes = {'work': {'pass': 'hunter2'}}", "mailboxes['work']: unknown name pass: "),
        ("x = " + "(" * 5000, "not a line of the form name = 'text'"),
        (b"imap_password = '\xff'", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(keep, text, sentence):
    told = error(keep(text))

    assert sentence in told
    assert "hunter2" not in told


def test_a_docstring_and_comments_do_no_harm(keep):
    assert credentials.lookup("work", keep('"""Mine."""\n# x\n' + FOUR)).username == "me"


def test_no_password_is_in_the_text_of_credentials():
    assert "hunter2" not in repr(Credentials("me", "hunter2"))


def test_the_api_token_is_read_from_its_private_file(keep):
    keep("pr_secret\n", name="token")
    folder = keep("[api]\ntoken_file = token", 0o644, "config.ini")

    assert credentials.api_token(settings.load(folder / "config.ini")) == "pr_secret"


def test_the_api_token_of_the_environment_comes_first(keep, monkeypatch):
    folder = keep("[api]\ntoken = other", 0o644, "config.ini")
    monkeypatch.setenv("POSTROOM_API_TOKEN", "pr_secret")

    assert credentials.api_token(settings.load(folder / "config.ini")) == "pr_secret"


def test_settings_with_a_token_must_be_private(keep):
    config = settings.load(keep("[api]\ntoken = pr_secret", 0o644, "config.ini") / "config.ini")

    with pytest.raises(CredentialError, match=re.escape("chmod 600")):
        credentials.api_token(config)

    keep("[api]\ntoken = pr_secret", 0o600, "config.ini")
    assert credentials.api_token(config) == "pr_secret"


def test_without_a_token_there_is_none():
    assert credentials.api_token(settings.Config()) == ""
