"""A mailbox that is read by access tokens: a real Dovecot, a token endpoint of the tests."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postroom import wire
from postroom.credentials import Credentials
from postroom.errors import SourceError
from provider.sources.imap import ImapSource
from provider.sources.pop3 import Pop3Source
from provider.sources.pop3.options import Pop3Options
from tests.conftest import need_dovecot
from tests.servers.dovecot_oauth2 import OAuth2Dovecot, token
from tests.servers.token_endpoint import TokenEndpoint
from tests.stubs.rig import Rig, mail
from tests.token_account import LONG, credentials, listening, options
from tests.waiting import wait_until


@pytest.fixture(params=["xoauth2 oauthbearer"])
def server(request) -> Iterator[OAuth2Dovecot]:
    need_dovecot()
    server = OAuth2Dovecot({"work": "work-secret", "home": "home-secret"}, request.param)
    try:
        yield server.start()
    finally:
        server.cleanup()


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with listening() as endpoint:
        yield endpoint


@pytest.fixture
def source(tmp_path, endpoint, server) -> Callable[..., ImapSource]:
    def make(user: str = "work", given: str | None = None) -> ImapSource:
        refresh = endpoint.new(user) if given is None else given
        return ImapSource(options(endpoint, server), credentials(tmp_path, refresh, user), Path)

    return make


@pytest.mark.parametrize("server", ["xoauth2", "oauthbearer"], indirect=True)
def test_mail_comes_by_either_mechanism(rig, server, source):
    server.deliver("work", (mail(n) for n in range(5)))

    assert rig.once(source())

    assert len(rig.master.raws()) == 5


@pytest.mark.parametrize("server", ["xoauth2", "oauthbearer"], indirect=True)
def test_pop3_takes_the_same_tokens(rig, server, endpoint, tmp_path):
    server.deliver("work", (mail(n) for n in range(5)))

    assert rig.once(pop3(server, endpoint, credentials(tmp_path, endpoint.new("work"))))

    assert len(rig.master.raws()) == 5
    assert len(endpoint.asked) == 1


def test_pop3_trades_a_token_once_that_ended(server, endpoint, tmp_path):
    ends = [1.5, LONG]
    endpoint.access = lambda user: token(user, ends.pop(0))
    source = pop3(server, endpoint, credentials(tmp_path, endpoint.new("work")))
    source.connect()
    time_is_up = time.time() + 2.5
    wait_until(lambda: time.time() > time_is_up)

    source.connect()
    source.close()

    assert len(endpoint.asked) == 2


def test_pop3_says_what_a_server_does_not_take(server, endpoint, tmp_path):
    endpoint.access = lambda user: token(user, LONG, b"x" * 32)
    source = pop3(server, endpoint, credentials(tmp_path, endpoint.new("work")))

    with pytest.raises(SourceError, match="refuses a new access token"):
        source.connect()


def pop3(server: OAuth2Dovecot, endpoint: TokenEndpoint, found: Credentials) -> Pop3Source:
    told = {"server": "127.0.0.1", "port": server.ports.pop3, "tls": "none", **endpoint.options()}
    return Pop3Source(Pop3Options(**told), found, Path)


@pytest.mark.parametrize("server", [""], indirect=True)
def test_a_server_without_such_a_login_is_told_plainly(server, source, endpoint, tmp_path):
    found = credentials(tmp_path, endpoint.new("work"))
    for opened in (source(), pop3(server, endpoint, found)):
        with pytest.raises(SourceError, match="takes no OAuth2 login: set auth = password"):
            opened.connect()


def test_a_token_that_ends_in_mid_run_is_replaced_once(rig, server, endpoint, source):
    # It ends sooner than the endpoint says, as when a password is changed.
    ends = [1.5, LONG, LONG]
    endpoint.access = lambda user: token(user, ends.pop(0))
    rig.serve(source())
    wait_until(lambda: "work" in server.who())
    time_is_up = time.time() + 2.5
    wait_until(lambda: time.time() > time_is_up)
    assert len(endpoint.asked) == 1

    server.kick("work")
    server.deliver("work", [mail(1)])

    wait_until(lambda: len(rig.master.raws()) == 1, 20)
    assert len(endpoint.asked) == 2


def test_a_token_is_used_for_many_connections(endpoint, source):
    opened = source()

    for _ in range(3):
        opened.connect()
    opened.close()

    assert len(endpoint.asked) == 1


def test_a_new_token_that_the_server_refuses_is_not_traded_again(endpoint, source):
    endpoint.access = lambda user: token(user, LONG, b"x" * 32)
    opened = source()

    for _ in range(4):
        with pytest.raises(SourceError, match="refuses a new access token"):
            opened.connect()

    assert len(endpoint.asked) == 1


def test_whoever_is_refused_is_paused_and_the_others_go_on(rig, server, endpoint, source):
    server.deliver("home", [mail(1)])
    rig.serve(source("work", "revoked"), "work")
    rig.serve(source("home"), "home")

    wait_until(lambda: rig.master.raws("home"))
    sign = wait_until(lambda: signs(rig, "work"))
    assert sign[0].startswith("paused, as the token endpoint at 127.0.0.1 says no (invalid_grant")
    assert sign[0].endswith("log in again: python -m provider login work")
    assert "AADSTS700082" in sign[0]
    assert "revoked" not in sign[0]
    asked = [form for form in endpoint.asked if form["refresh_token"] == "revoked"]
    assert len(asked) == 1


def signs(rig: Rig, mailbox: str) -> list[str]:
    passes = [r for r in rig.master.requests if isinstance(r, wire.Pass) and r.mailbox == mailbox]
    return [told.error for told in passes if told.error]
