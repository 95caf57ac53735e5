"""No address but a public one is connected to, however it is written, named or redirected to."""

import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from monitor.web import Hosts
from postroom.errors import SourceError, TemporaryError
from postroom.web.addresses import PrivateAddressError, is_public
from tests.servers.web import WebServer
from tests.watched import downloaded, looked, page

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "255.255.255.255",
    "240.0.0.1", "192.0.2.1", "192.88.99.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "3fff::1", "5f00::1", "100::1",
    "2001:4860::5efe:7f00:1", "2001:4860::200:5efe:10.0.0.1", "2001:10::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "193.0.6.139", "100.128.0.1", "2001:4860:4860::8888", "2a00:1450::1",
    "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
]  # fmt: skip
#: As hosts of URLs, those that lead to this machine for the most part.
HOSTS = [
    "127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
    "0x7f.1", "127.0.1", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]", "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "169.254.169.254",
]  # fmt: skip


class Dialled:
    """The addresses that this process connects to; those beyond this machine are not reached."""

    def __init__(self) -> None:
        self.addresses: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect" and self.addresses is not None:
            address = arguments[1]
            assert isinstance(address, tuple)
            self.addresses.append(address[0])
            if not str(address[0]).startswith("127."):
                raise ConnectionRefusedError(111, "this test reaches nobody")


_dialled = Dialled()


@pytest.fixture
def dialled() -> Iterator[list[str]]:
    """The addresses that are connected to in the test."""
    _dialled.addresses = []
    yield _dialled.addresses
    _dialled.addresses = None


def names(**addresses: str) -> Hosts:
    """Hosts by name, and numbers as the system reads them."""

    def resolve(host, port, **more):
        return socket.getaddrinfo(addresses.get(host.partition(".")[0], host), port, **more)

    return Hosts(resolve)


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_of_the_public_internet_is_known(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_known(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", HOSTS)
def test_a_private_host_is_not_connected_to(web, dialled, host):
    with pytest.raises(SourceError):
        looked(page(web, url=web.at(host), allow_hosts=()))

    assert dialled == []
    assert web.connections == 0


@pytest.mark.parametrize("host", HOSTS)
def test_a_link_to_a_private_host_is_not_downloaded(web, dialled, tmp_path, host):
    watched = page(web, url="http://example.org/", allow_hosts=())

    with pytest.raises(SourceError):
        downloaded(watched, web.at(host) + "/a.pdf", tmp_path)

    assert dialled == []


@pytest.fixture
def inside() -> Iterator[WebServer]:
    """A server that nobody is to be led to."""
    server = WebServer()
    yield server
    server.close()


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/",
        "//127.1:{port}/",
        "http://2130706433:{port}/",
        "http:\\\\[::ffff:127.0.0.1]:{port}/",
        "http://inside.example:{port}/",
        "http://user:secret@inside.example:{port}/#http://start.example/",
        "http://metadata.example/latest/meta-data/",
    ],
)
@pytest.mark.parametrize("hops", [1, 3])
def test_no_redirect_leads_to_a_private_host(web, dialled, inside, target, hops):
    hosts = names(start="127.0.0.1", inside="127.0.0.1", metadata="169.254.169.254")
    for hop in range(1, hops):
        web.redirect(f"/{hop}", f"http://start.example:{web.port}/{hop + 1}")
    web.redirect(f"/{hops}", target.format(port=inside.port))

    with pytest.raises(PrivateAddressError):
        looked(page(web, url=f"{web.at('start.example')}/1", allow_hosts=("start.example",)), hosts)

    assert inside.connections == 0
    assert "169.254.169.254" not in dialled


def test_a_name_that_changes_its_address_is_checked_at_each_connection(web, dialled):
    answers = ["8.8.8.8", "127.0.0.1"]

    def resolve(host, port, **more):
        return socket.getaddrinfo(answers.pop(0) if len(answers) > 1 else answers[0], port, **more)

    with pytest.raises(PrivateAddressError):
        looked(page(web, url=web.at("rebinding.example"), allow_hosts=()), Hosts(resolve))

    assert dialled == ["8.8.8.8"]
    assert web.connections == 0


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(web, dialled):
    asked = []

    def resolve(host, port, **more):
        asked.append(host)
        return socket.getaddrinfo("127.0.0.1", port, **more)

    web.links("/", ["/a.pdf"])
    watched = page(web, url=web.at("allowed.example"), allow_hosts=("allowed.example",))
    looked(watched, Hosts(resolve))

    assert asked == ["allowed.example"] * web.connections
    assert [request.headers["Host"] for request in web.asked] == [f"allowed.example:{web.port}"] * 2


def test_one_private_address_among_public_ones_is_enough_to_refuse(web, dialled):
    def resolve(host, port, **more):
        public, private = (socket.getaddrinfo(ip, port, **more) for ip in ("8.8.8.8", "10.0.0.1"))
        return [*public, *private]

    with pytest.raises(PrivateAddressError, match=r"10\.0\.0\.1.*set allow_hosts = both\.example"):
        looked(page(web, url="http://both.example/", allow_hosts=()), Hosts(resolve))

    assert dialled == []


def test_an_allowed_host_is_allowed_by_its_own_name_only(web):
    web.links("/", ["/a.pdf"])

    assert looked(page(web, url=web.at("localhost"), allow_hosts=("LocalHost",)))
    with pytest.raises(PrivateAddressError):
        looked(page(web, allow_hosts=("localhost",)))


def test_a_host_without_an_address_is_told(web):
    def unknown(host, port, **more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def later(host, port, **more):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    watched = page(web, url="http://nobody.example/", allow_hosts=())
    with pytest.raises(SourceError, match=r"nobody\.example: there is no host of this name"):
        looked(watched, Hosts(unknown))
    with pytest.raises(TemporaryError, match="Temporary failure"):
        looked(watched, Hosts(later))
