"""Hosts are asked politely: in turns, not while they rest, and only what robots may."""

import threading
import time
from email.utils import formatdate

import pytest

from monitor.web import Hosts, Web
from monitor.web.hosts import DEFAULT_REST, PATIENCE
from postroom.errors import SourceError, TemporaryError
from postroom.web.answers import LONGEST_REST, retry_after
from tests.watched import downloaded, looked, page, paths

FILE = '<a href="/a.pdf">A</a>'


class Waits(threading.Event):
    """A stop event that notes the waits, and lets no time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(round(max(timeout or 0.0, 0.0)))
        return False


# --- turns


def test_each_host_has_its_own_turns():
    hosts, stop = Hosts(), Waits()
    for host in ("a", "a", "b", "a"):
        hosts.turn(host, 10.0, stop)

    assert stop.seconds == [0, 10, 0, 20]


def test_nobody_waits_for_a_host_for_long():
    hosts, stop = Hosts(), Waits()
    hosts.turn("a", PATIENCE + 100, stop)

    with pytest.raises(TemporaryError, match="a is to be left alone for 160 s") as caught:
        hosts.turn("a", 1.0, stop)
    assert 150 < caught.value.after <= PATIENCE + 100


def test_threads_that_come_together_get_turns_one_after_another():
    hosts, stops = Hosts(), [Waits() for _ in range(8)]
    threads = [threading.Thread(target=hosts.turn, args=("a", 5.0, stop)) for stop in stops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(stop.seconds[0] for stop in stops) == list(range(0, 40, 5))


def test_a_wait_for_a_turn_ends_when_all_is_to_end():
    hosts, stop = Hosts(), threading.Event()
    hosts.turn("a", 50.0, stop)
    stop.set()

    with pytest.raises(TemporaryError, match="operator"):
        hosts.turn("a", 50.0, stop)


def test_many_hosts_are_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr("monitor.web.hosts._MOST_HOSTS", 10)
    hosts = Hosts()
    for number in range(50):
        hosts.turn(str(number), 1.0, Waits())

    assert len(hosts._turns) == 10


# --- Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("99999999999999999999", LONGEST_REST),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_REST),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
        ("\u0663", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value) == seconds


def test_a_date_means_the_time_until_then():
    seconds = retry_after(formatdate(time.time() + 100, usegmt=True))

    assert seconds is not None
    assert 90 < seconds <= 101


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_host_that_wants_a_rest_is_left_alone_by_all(web, tmp_path, status):
    web.say("/busy", status, Retry_After="300")
    web.serve("/", FILE)
    hosts = Hosts()
    with pytest.raises(
        TemporaryError, match=f"answers {status}, to be asked again in 300 s"
    ) as caught:
        looked(page(web, "/busy"), hosts)
    asked = len(web.asked)

    assert caught.value.after == 300
    with pytest.raises(TemporaryError, match="to be left alone") as again:
        looked(page(web), hosts)
    with pytest.raises(TemporaryError, match="to be left alone"):
        downloaded(page(web), "/a.pdf", tmp_path, hosts=hosts)
    assert 200 < again.value.after <= 300
    assert len(web.asked) == asked


def test_a_short_rest_is_waited_for(web):
    web.then(
        "/",
        lambda asked: asked.send(503, {"Retry-After": "1"}),
        lambda asked: asked.send(200, {}, FILE.encode()),
    )

    assert paths(page(web)) == ["/a.pdf"]


def test_too_many_requests_without_a_time_mean_a_while(web):
    web.say("/", 429)

    with pytest.raises(TemporaryError) as caught:
        looked(page(web))
    assert caught.value.after == DEFAULT_REST
    assert web.paths == ["/"]


def test_a_rest_that_comes_while_one_waits_for_a_turn_is_kept():
    hosts = Hosts()

    class Meanwhile(Waits):
        def wait(self, timeout: float | None = None) -> bool:
            if len(self.seconds) == 1:
                hosts.rest("a", 30.0)
            return super().wait(timeout)

    stop = Meanwhile()
    hosts.turn("a", 5.0, stop)
    with pytest.raises(TemporaryError):
        # No time passes here, so that the rest never ends.
        hosts.turn("a", 5.0, stop)
    assert stop.seconds[:3] == [0, 5, 30]


# --- robots.txt

RULES = """User-agent: *
Disallow: /private
Crawl-delay: 7

User-agent: Reader
Allow: /
"""


def test_what_robots_may_not_is_not_asked_for(web, tmp_path):
    web.serve("/robots.txt", RULES, "text/plain")
    web.redirect("/moved", "/private/")

    for path in ("/private/", "/moved"):
        with pytest.raises(SourceError, match=r"robots\.txt does not allow it: set robots = no"):
            looked(page(web, path, pause_seconds=0.0), Impatient())
    with pytest.raises(SourceError, match=r"robots\.txt"):
        downloaded(page(web), "/private/a.pdf", tmp_path, hosts=Impatient())
    assert web.paths == ["/moved"]


class Impatient(Hosts):
    """Takes note of pauses, and makes none."""

    def turn(self, host: str, pause: float, stop: threading.Event) -> float:
        self.pauses = [*getattr(self, "pauses", []), pause]
        return 0.0


def test_robots_txt_can_be_left_alone_and_may_speak_to_us(web):
    web.serve("/robots.txt", RULES, "text/plain")
    web.serve("/private", FILE)

    assert paths(page(web, "/private", robots=False), Impatient()) == ["/a.pdf"]
    assert web.paths == ["/private"]
    assert paths(page(web, "/private", user_agent="Reader/2.1"), Impatient()) == ["/a.pdf"]


def test_a_crawl_delay_is_a_pause(web):
    web.serve("/robots.txt", RULES, "text/plain")
    web.serve("/", FILE)
    hosts = Impatient()
    looked(page(web, pause_seconds=2.0), hosts)

    assert hosts.pauses == [2.0, 7.0]


def test_robots_txt_is_asked_for_once_an_hour(web):
    web.serve("/", FILE)
    hosts = Hosts()
    for _ in range(3):
        looked(page(web), hosts)

    assert [asked.path for asked in web.asked] == ["/robots.txt", "/", "/", "/"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_without_robots_txt_all_is_allowed(web, status):
    web.say("/robots.txt", status)
    web.serve("/", FILE)

    assert paths(page(web)) == ["/a.pdf"]


def test_a_server_that_cannot_say_what_robots_may_is_asked_later(web):
    web.say("/robots.txt", 500)
    web.serve("/", FILE)

    with pytest.raises(TemporaryError, match=r"robots\.txt.*500"):
        looked(page(web))
    assert web.paths == []


def test_a_robots_txt_without_end_is_read_in_part(web):
    web.serve("/robots.txt", RULES + "# more\n" * 200_000, "text/plain")
    web.serve("/", FILE)

    assert paths(page(web), Impatient()) == ["/a.pdf"]


def test_robots_txt_may_be_anything(web):
    web.serve("/robots.txt", b"\xff\xfe\x00User-agent\n:::\nDisallow\nCrawl-delay: x\n", "")
    web.serve("/", FILE)
    with Web(page(web), Hosts(), threading.Event()) as client:
        assert client.fetch(page(web).url, 1000).body == FILE.encode()
