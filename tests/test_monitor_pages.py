"""A [page NAME] section says what it means, or in one sentence what is wrong with it."""

import pytest

from monitor.pages import Page, pages
from postroom import cron, settings
from postroom.errors import CredentialError, SettingsError


@pytest.fixture
def read(tmp_path):
    """The pages of a config.ini."""

    def read(text: str, mode: int = 0o644) -> dict[str, Page]:
        file = tmp_path / "config.ini"
        file.write_text(text)
        file.chmod(mode)
        return pages(settings.load(file))

    return read


@pytest.fixture
def error(read, tmp_path):
    """The sentence that a page's section comes to."""

    def error(lines: str, mode: int = 0o644) -> str:
        with pytest.raises(SettingsError) as caught:
            read(f"[page docs]\nurl = https://example.org/\n{lines}", mode)
        return str(caught.value).removeprefix(f"{tmp_path}/config.ini: [page docs] ")

    return error


def test_pages_come_by_name_in_the_order_of_the_file(read):
    found = read("[page b]\nurl = http://example.org/b\n[page a]\nurl = https://example.org/a")

    assert list(found) == ["b", "a"]
    assert found["b"] == Page(name="b", url="http://example.org/b")


def test_without_pages_there_are_none(read):
    assert read("") == {}


def test_all_keys_are_read(read):
    page = read(
        """[page docs]
url = https://example.org/?a=1&b=%20#x
cron = */15 6-18 * * mon-fri
time_zone = Europe/Paris
extensions = pdf, .csv
select = table.files > tbody
url_pattern = \\.(pdf|csv)$
elements = a, download
same_host = no
depth = 1
robots = no
headers =
    Accept-Language: de, en;q=0.5
    Referer: https://example.org/
allow_hosts = intranet, 10.0.0.5
"""
    )["docs"]

    assert page.url == "https://example.org/?a=1&b=%20#x"
    assert page.elements == ("a", "download")
    assert (page.same_host, page.depth, page.robots) == (False, 1, False)
    assert page.sent_headers == {
        "Accept-Language": "de, en;q=0.5",
        "Referer": "https://example.org/",
    }
    assert page.allow_hosts == ("intranet", "10.0.0.5")


WRONG = {
    "url = ftp://example.org/": "url: expected an address such as https://example.org/reports",
    "url = example.org": "url: expected an address",
    "url = http://[::1": "url: expected an address",
    "url = http://example.org:99999/": "url: expected an address",
    "url = https://ann:secret@example.org/": "url: a password does not belong here: set user",
    "extensions =": "extensions, elements: expected at least one",
    "elements = a, img": "elements: found 'a, img', expected a list with commas",
    "select = table[": "select: 'table[' is no CSS selector",
    "url_pattern = (": "url_pattern: '(' is no regular expression",
    "text_pattern = [a": "text_pattern: '[a' is no regular expression",
    "skip_pattern = *": "skip_pattern: '*' is no regular expression",
    "cron = 5": "cron: '5' has 1 fields, expected five",
    "cron = 60 * * * *": "cron: '60' is no minute: expected *, numbers from 0 to 59",
    "time_zone = Mars/Olympus": "time_zone: 'Mars/Olympus' is no time zone such as Europe/Paris",
    "time_zone = ../../etc/passwd": "time_zone: '../../etc/passwd' is no time zone",
    "time_zone =": "time_zone: '' is no time zone",
    "depth = 2": "depth: found '2', expected a whole number at least 0 and at most 1",
    "interval_seconds = 0": "interval_seconds: found '0', expected a number above 0",
    "max_links = 0": "max_links: found '0', expected a whole number at least 1",
    "headers = nonsense": "headers: expected lines such as Accept-Language: de",
    "headers = Host: other.example": "headers: Host is set by Postroom itself",
    "headers = Accept: \u20ac": "headers: only ASCII can be sent in a header",
    "user_agent = caf\u00e9": "user_agent: only ASCII can be sent in a header",
    "user = a:b": "user: a user name must not contain a colon",
    "user = ann": "a user without a password, or the reverse: set user and password_file",
    "links = all": "links: unknown key: expected one of",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(error, read, tmp_path, line):
    key = line.partition(" ")[0]
    if key == "url":
        with pytest.raises(SettingsError) as caught:
            read(f"[page docs]\n{line}")
        assert f"[page docs] {WRONG[line]}" in str(caught.value)
        assert "secret" not in str(caught.value)
    else:
        assert error(line).startswith(WRONG[line])


# --- secrets


def test_a_password_comes_from_a_private_file(read, tmp_path):
    (tmp_path / "secret").write_text("päss word\n")
    (tmp_path / "secret").chmod(0o600)
    page = read("[page docs]\nurl = https://example.org/\nuser = ann\npassword_file = secret")[
        "docs"
    ]

    assert (page.user, page.password) == ("ann", "päss word")
    assert "päss" not in f"{page!r} {page}"


def test_a_password_file_that_others_may_open_is_refused(error, tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o644)

    assert "expected 0600: chmod 600" in error("user = ann\npassword_file = secret")


@pytest.mark.parametrize(
    "line", ["cookies = a=1", "headers = X-Api-Key: abc", "headers = Authorization: x"]
)
def test_secrets_in_a_config_that_others_may_open_are_refused(error, read, line):
    assert "expected 0600: chmod 600" in error(line)
    assert read(f"[page docs]\nurl = https://example.org/\n{line}", 0o600)


def test_the_environment_knows_secrets_too(read, monkeypatch, tmp_path):
    (tmp_path / "cookies").write_text("a=1; b=2\n")
    (tmp_path / "cookies").chmod(0o600)
    monkeypatch.setenv("POSTROOM_PAGE_MY_DOCS_USER", "ann")
    monkeypatch.setenv("POSTROOM_PAGE_MY_DOCS_PASSWORD", "secret")
    monkeypatch.setenv("POSTROOM_PAGE_MY_DOCS_COOKIES_FILE", str(tmp_path / "cookies"))
    monkeypatch.setenv("POSTROOM_PAGE_MY_DOCS_HEADERS", "X-Key: abc\nX-Other: d, e")
    page = read("[page my docs]\nurl = https://example.org/\nheaders = Accept-Language: de")[
        "my docs"
    ]

    assert (page.user, page.password, page.cookies) == ("ann", "secret", "a=1; b=2")
    assert page.sent_headers == {"Accept-Language": "de", "X-Key": "abc", "X-Other": "d, e"}


def test_a_wrong_secret_of_the_environment_is_told_and_not_shown(error, monkeypatch):
    monkeypatch.setenv("POSTROOM_PAGE_DOCS_COOKIES", "top\x01secret")

    told = error("")

    assert told == "cookies: control characters cannot be sent"


def test_an_error_of_a_secret_is_one_of_credentials(read):
    with pytest.raises(CredentialError):
        read("[page docs]\nurl = https://example.org/\nuser = ann\npassword_file = missing")


def test_a_ca_file_starts_at_the_folder_of_the_config(read, tmp_path):
    page = read("[page docs]\nurl = https://example.org/\nca_file = ca.pem")["docs"]

    assert page.ca_file == str(tmp_path / "ca.pem")


# --- cron


@pytest.mark.parametrize(
    "line",
    [
        "* * * * *",
        "0,30 8-18/2 1-7 jan,jul mon-fri",
        "*/5 0 1 1 0",
        "5/10 23 31 12 7",
        "0 0 * * SUN",
    ],
)
def test_a_cron_line_is_what_crontab_takes(line):
    cron.check(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "* * * *",
        "* * * * * *",
        "a * * * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "1, * * * *",
        "-1 * * * *",
        "* * * * mon-",
        "@daily",
        "٣ * * * *",
    ],
)
def test_any_other_line_is_refused(line):
    with pytest.raises(ValueError, match="cron: "):
        cron.check(line)


@pytest.mark.parametrize(
    ("days", "named"),
    [
        ("*", "*"),
        ("0", "sun"),
        ("7", "sun"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("sat,1", "mon,sat"),
        ("5-7", "sun,fri,sat"),
        ("*/3", "sun,wed,sat"),
        ("MON", "mon"),
    ],
)
def test_days_of_the_week_can_be_had_by_name(days, named):
    assert cron.with_named_days(f"0  6 * * {days}") == f"0 6 * * {named}"
