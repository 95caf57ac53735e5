"""Access tokens: when they are traded anew, where they are kept, what an endpoint gets wrong."""

import stat
from collections.abc import Callable, Iterator

import pytest

from postroom.errors import SourceError, TemporaryError
from provider.auth import PausedError
from provider.auth.tokens import EARLY, AccessTokens, client, kept
from tests.servers.token_endpoint import TokenEndpoint
from tests.token_account import credentials, listening, options


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with listening() as endpoint:
        yield endpoint


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(tmp_path, endpoint, clock) -> Callable[..., AccessTokens]:
    def make(refresh_token: str | None, **more) -> AccessTokens:
        told, found = options(endpoint, **more), credentials(tmp_path, refresh_token)
        where, file = client(told, found, "imap"), kept(told, found)
        return AccessTokens(where, file, "log in", clock)

    return make


def test_a_token_is_traded_anew_shortly_before_it_ends(access, endpoint, clock):
    tokens = access(endpoint.new("work"))
    first = tokens.current()

    clock.now += 3600 - EARLY - 1
    assert tokens.current() == first
    clock.now += 2
    assert tokens.current() != first

    assert len(endpoint.asked) == 2
    assert endpoint.asked[0]["scope"] == "mail offline_access"
    assert "client_secret" not in endpoint.asked[0]


def test_a_token_without_an_end_is_kept(access, endpoint, clock):
    endpoint.expires_in = None
    tokens = access(endpoint.new("work"))
    first = tokens.current()

    clock.now += 10**9

    assert tokens.current() == first


def test_a_new_refresh_token_is_kept_over_restarts(access, endpoint, tmp_path, clock):
    endpoint.rotates = True
    first = endpoint.new("work")
    tokens = access(first)
    tokens.current()
    clock.now += 4_000
    tokens.current()

    assert access(first).current()

    used = [form["refresh_token"] for form in endpoint.asked]
    assert len(set(used)) == 3
    file = tmp_path / "tokens" / "work.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_what_the_operator_gives_later_counts_more_than_the_file(access, endpoint):
    endpoint.rotates = True
    access(endpoint.new("work")).current()
    given = endpoint.new("work")

    access(given).current()

    assert endpoint.asked[-1]["refresh_token"] == given


def test_a_token_of_another_account_is_not_shown_to_this_endpoint(access, endpoint):
    endpoint.rotates = True
    given = endpoint.new("work")
    access(given).current()

    endpoint.users[given] = "work"
    access(given, oauth2_client_id="other").current()

    assert endpoint.asked[-1]["refresh_token"] == given


def test_a_file_that_cannot_be_written_stops_no_mail(access, endpoint, tmp_path, caplog, clock):
    endpoint.rotates = True
    (tmp_path / "tokens").write_text("in the way")
    tokens = access(endpoint.new("work"))

    assert tokens.current()
    clock.now += 4_000
    assert tokens.current()
    assert "cannot be written" in caplog.text

    (tmp_path / "tokens").unlink()
    clock.now += 4_000
    assert tokens.current()
    assert (tmp_path / "tokens" / "work.json").exists()


def test_nobody_is_asked_again_until_somebody_logged_in(access, endpoint, tmp_path):
    tokens = access("revoked")
    for _ in range(3):
        with pytest.raises(PausedError):
            tokens.current()
    assert len(endpoint.asked) == 1

    told = options(endpoint)
    kept(told, credentials(tmp_path, "revoked")).write(endpoint.new("work"))

    assert tokens.current()


def test_before_the_first_login_the_mailbox_is_paused(access, endpoint):
    with pytest.raises(PausedError, match="nobody has logged in yet: log in"):
        access(None).current()

    assert endpoint.asked == []


@pytest.mark.parametrize("content", [b"{}", b"rubbish", b"\xff"])
def test_a_damaged_token_file_says_what_to_do(access, tmp_path, content):
    file = tmp_path / "tokens" / "work.json"
    file.parent.mkdir()
    file.write_bytes(content)
    file.chmod(0o600)

    with pytest.raises(PausedError, match=r"work\.json: not "):
        access(None).current()


def test_a_token_file_that_others_may_read_is_not_used(access, endpoint, tmp_path):
    told = options(endpoint)
    file = kept(told, credentials(tmp_path, None))
    file.write(endpoint.new("work"))
    file.path.chmod(0o644)

    with pytest.raises(PausedError, match="chmod 600"):
        access(None).current()


@pytest.mark.parametrize(
    ("status", "told", "after"),
    [
        (500, b"<html>", 30.0),
        (503, {"error": "temporarily_unavailable"}, 30.0),
        (400, {"error": "temporarily_unavailable"}, 30.0),
        (429, b"", 30.0),
    ],
)
def test_an_endpoint_in_trouble_is_left_alone_for_a_while(access, endpoint, status, told, after):
    endpoint.moods = [(status, told)]
    tokens = access(endpoint.new("work"))

    with pytest.raises(TemporaryError, match="is not able to answer") as caught:
        tokens.current()

    assert caught.value.after == after
    assert tokens.current()


def test_the_pause_that_an_endpoint_asks_for_is_kept(access, endpoint):
    endpoint.moods, endpoint.headers = [(429, b"")], {"Retry-After": "77"}

    with pytest.raises(TemporaryError) as caught:
        access("any").current()

    assert caught.value.after == 77


@pytest.mark.parametrize(
    ("status", "told", "sentence"),
    [
        (401, {"error": "invalid_client"}, r"\(invalid_client\)"),
        (404, b"<html>not here", r"\(http_404\)"),
        (302, b"", r"\(http_302\)"),
        (400, {"error": "<script>"}, r"\(http_400\)"),
        (200, b"[1]", r"\(http_200\)"),
        (200, {"access_token": "a\x01b"}, "gave no access token"),
        (200, {"access_token": "a", "refresh_token": 7}, "gave no access token"),
        (200, {"access_token": ["a"]}, "gave no access token"),
    ],
)
def test_an_answer_of_no_use_is_for_somebody_to_look_at(access, endpoint, status, told, sentence):
    endpoint.moods, endpoint.headers = [(status, told)], {"Location": "http://127.0.0.1:1/"}

    with pytest.raises(SourceError, match=sentence) as caught:
        access("any").current()

    assert not isinstance(caught.value, PausedError)


@pytest.mark.parametrize(("said", "seconds"), [("3600", 3600), (-5, None), ("soon", None)])
def test_odd_ends_are_understood_or_left_out(access, endpoint, clock, said, seconds):
    endpoint.expires_in = said
    tokens = access(endpoint.new("work"))
    first = tokens.current()

    clock.now += 10**6

    assert (tokens.current() == first) == (seconds is None)


def test_an_endpoint_that_is_away_is_for_later(access, endpoint):
    tokens = access(endpoint.new("work"))
    endpoint.close()

    with pytest.raises(TemporaryError, match="does not answer"):
        tokens.current()


def test_an_endpoint_that_hangs_is_for_later(access, endpoint, monkeypatch):
    monkeypatch.setattr("postroom.oauth2.TIMEOUT", (1.0, 0.2))
    endpoint.going.clear()

    with pytest.raises(TemporaryError, match="does not answer"):
        access(endpoint.new("work")).current()


def test_an_answer_without_end_is_cut(access, endpoint):
    endpoint.moods = [(200, b'{"access_token": "' + b"a" * 100_000 + b'"}')]

    with pytest.raises(TemporaryError, match="does not answer"):
        access("any").current()


def test_a_netrc_of_that_host_is_not_sent(access, endpoint, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login planted password planted")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    access(endpoint.new("work")).current()

    assert [heard.get("Authorization") for heard in endpoint.heard] == [None]
