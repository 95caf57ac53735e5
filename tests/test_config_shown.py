"""The settings in force are shown whole, and no secret is."""

from postroom import ini, settings
from tests.servers.commands import run

GIVEN = """
[api]
port = 5001
token = SECRET
database = postgresql://ann:SECRET@x/SECRET@db/postroom
[runner]
queue = amqp://ann:SECRET@broker:5672
secrets = data/hidden
[page docs]
url = https://ann:SECRET@example.org/
cookies = session=SECRET
headers = Authorization: Bearer SECRET
    X-Key: SECRET
password_file = docs.password
[mailbox work]
source = maildir
path = Maildir
"""
SHOWN = (
    "port = 5001",
    "token = (hidden)",
    "#threads = 8",
    "database = postgresql://(hidden)@db/postroom",
    "queue = amqp://(hidden)@broker:5672",
    "secrets = data/hidden",
    "headers = (hidden)",
    "password_file = docs.password",
    "#terminal = yes",
    "#sinks = api",
)


def test_what_is_given_and_what_holds_by_default_is_shown_and_no_secret(tmp_path):
    file = tmp_path / "config.ini"
    file.write_text(GIVEN)

    done = run(tmp_path, "postroom", "config")

    assert (done.returncode, done.stderr) == (0, "")
    assert "SECRET" not in done.stdout
    for line in SHOWN:
        assert line in done.stdout.splitlines(), line
    (tmp_path / "shown.ini").write_text(done.stdout)
    assert ini.read(tmp_path / "shown.ini").keys() == {*settings.SECTIONS, "page docs",
                                                       "mailbox work"}  # fmt: skip


def test_settings_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "config.ini").write_text("[api]\nprot = 1\n")

    done = run(tmp_path, "postroom.config_shown")

    assert done.returncode == 2
    assert "did you mean port?" in done.stderr
