"""A page over TLS is read from nobody but the server that it belongs to."""

import pytest

from monitor.web.client import _own_origins
from postroom.errors import SettingsError, SourceError, TemporaryError
from postroom.web.sockets import tls_context
from tests.servers.bad_tls import FAULTS, BadTls
from tests.servers.web import WebServer
from tests.watched import downloaded, looked, page, paths

FILE = '<a href="/a.pdf">A</a>'


@pytest.fixture
def secure(tmp_path):
    """Starts a server with a fault; its page and the options of those who know its authority."""
    servers = []

    def start(fault):
        bad = BadTls(tmp_path, fault)
        server = WebServer(bad.context)
        servers.append(server)
        server.serve("/", FILE)
        return server, page(
            server, url=server.at("localhost") + "/", allow_hosts=("localhost",), **bad.trust()
        )

    yield start
    for server in servers:
        server.close()


def test_a_server_with_a_certificate_of_a_known_authority_is_read(secure):
    _, watched = secure("none")

    assert paths(watched) == ["/a.pdf"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_cannot_prove_itself_is_refused(secure, tmp_path, fault):
    server, watched = secure(fault)

    with pytest.raises((SourceError, TemporaryError), match=r"not trusted|no TLS 1\.2"):
        looked(watched)
    with pytest.raises(SourceError):
        downloaded(watched, "/a.pdf", tmp_path)
    assert server.asked == []


def test_a_server_without_tls_is_told_as_such(web):
    watched = page(web, url=web.url.replace("http:", "https:") + "/")

    with pytest.raises(SourceError, match="no TLS: is the address meant to begin with http:"):
        looked(watched)


def test_no_redirect_leads_from_https_to_http(secure, web):
    server, watched = secure("none")
    server.redirect("/", web.url + "/")

    with pytest.raises(SourceError, match="redirects from https to"):
        looked(watched)
    assert web.connections == 0


def test_a_login_follows_from_http_to_its_own_https_only():
    assert _own_origins("http://example.org/x") == {"http://example.org", "https://example.org"}
    assert _own_origins("https://example.org/x") == {"https://example.org"}
    assert _own_origins("http://example.org:8080/") == {"http://example.org:8080"}


def test_an_authority_that_cannot_be_read_is_a_setting_to_mend(tmp_path):
    with pytest.raises(SettingsError, match=r"ca_file = .*no certificates can be read"):
        tls_context(str(tmp_path / "missing.pem"))
