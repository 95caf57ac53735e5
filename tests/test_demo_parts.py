"""The parts of the demo, each by itself: mailboxes, settings, children, lines."""

import re
import stat
import sys
from email.message import EmailMessage

import pytest
import requests
from imapclient import IMAPClient

from monitor.pages import pages
from postroom import children as children_module
from postroom import credentials, settings
from postroom.children import Children
from postroom.demo.mailboxes import ImapBox, MaildirBox, opened
from postroom.demo.place import prepared
from postroom.demo.samples import samples
from postroom.demo.terminal import printable
from postroom.demo.watching import Watching
from postroom.demo.witness import Witness, told
from postroom.mailer import Mailer
from tests.waiting import wait_until


@pytest.fixture
def imap_box():
    box = ImapBox()
    yield box
    box.stop()


@pytest.fixture
def watching(tmp_path):
    watched = Watching(tmp_path, lambda line: None)
    yield watched
    watched.stop()


@pytest.fixture
def lines():
    """What the children say."""
    return []


@pytest.fixture
def children(tmp_path, lines):
    started = Children(tmp_path / "config.ini", lambda who, line: lines.append(f"{who} {line}"))
    yield started
    started.stop()


def _login(box):
    client = IMAPClient("127.0.0.1", box.section()["port"], ssl=False)
    secret = box.credentials()
    client.login(secret["imap_username"], secret["imap_password"])
    client.select_folder("INBOX", readonly=True)
    return client


def test_the_imap_server_gives_back_every_sample_byte_for_byte(imap_box):
    raws = list(samples())
    for raw in raws:
        imap_box.append(raw)
    with _login(imap_box) as client:
        fetched = client.fetch(client.search(), ["BODY.PEEK[]"])
    assert [fetched[uid][b"BODY[]"] for uid in sorted(fetched)] == raws


def test_sequence_numbers_find_all_uids(imap_box):
    for n in range(3):
        imap_box.append(b"Subject: %d\r\n\r\n\r\n" % n)
    with _login(imap_box) as client:
        assert client.search("1:3") == [1, 2, 3]


def test_an_idling_client_hears_of_a_new_mail(imap_box):
    with _login(imap_box) as client:
        client.idle()
        imap_box.append(b"Subject: new\r\n\r\n\r\n")
        assert (1, b"EXISTS") in client.idle_check(10)
        client.idle_done()


def test_stopping_the_server_cuts_its_clients():
    box = ImapBox()
    client = _login(box)
    box.stop()
    with pytest.raises((IMAPClient.AbortError, OSError)):
        client.noop()
    client.shutdown()


def test_a_maildir_holds_the_bytes_in_the_order_of_arrival(tmp_path):
    box = MaildirBox(tmp_path / "Maildir")
    box.append(b"one\r\n")
    box.append(b"two\r\n")
    files = sorted((tmp_path / "Maildir" / "new").iterdir())
    assert [file.read_bytes() for file in files] == [b"one\r\n", b"two\r\n"]
    assert list((tmp_path / "Maildir" / "tmp").iterdir()) == []


def test_without_the_library_a_maildir_takes_over_and_says_so(tmp_path, monkeypatch):
    # None in sys.modules is how Python marks a module that cannot be imported.
    monkeypatch.delitem(sys.modules, "postroom.demo.imap_server", raising=False)
    monkeypatch.setitem(sys.modules, "pymap", None)
    monkeypatch.setitem(sys.modules, "pymap.imap", None)
    told_lines: list[str] = []
    box = opened(tmp_path, maildir=False, say=told_lines.append)
    assert isinstance(box, MaildirBox)
    assert "cannot run here" in told_lines[0]


def test_settings_are_valid_and_credentials_private(tmp_path, imap_box):
    place = prepared(tmp_path, 0, imap_box)
    config = settings.load(place.config)
    assert config.section("api", settings.Api).base_url == place.url
    assert list(config.named("mailbox")) == ["demo"]
    assert stat.S_IMODE((tmp_path / "imap_credentials.py").stat().st_mode) == 0o600
    assert credentials.lookup("demo", tmp_path).username == "demo"


def test_a_taken_port_is_replaced(tmp_path, imap_box):
    taken = imap_box.section()["port"]
    assert prepared(tmp_path, taken, imap_box).api_port != taken


def test_a_free_port_is_kept(tmp_path, free_port):
    box = MaildirBox(tmp_path / "Maildir")
    assert prepared(tmp_path, free_port, box).api_port == free_port
    assert not (tmp_path / "imap_credentials.py").exists()


def test_a_child_that_fails_is_told_with_its_lines(children, lines):
    children.start("json.tool")
    sentence = wait_until(children.ended, what="the child to end")
    assert sentence.startswith("json.tool ended by itself with status 2")
    assert any("error:" in line for line in lines)


def test_a_child_that_hangs_is_killed(children, lines, monkeypatch):
    monkeypatch.setattr(children_module, "DRAIN_SECONDS", 0.1)
    children.start("tests.servers.stubborn")
    wait_until(lambda: lines, what="its greeting")
    assert children.ended() == ""
    children.stop()
    assert lines[0] == "tests.servers.stubborn hellö"
    assert "killed" in lines[-1]


def test_secrets_of_the_real_office_do_not_reach_the_children(monkeypatch):
    monkeypatch.setenv("POSTROOM_DEMO_PASSWORD", "real")
    assert not any(
        name.startswith("POSTROOM_") for name in children_module._environment(("POSTROOM_",))
    )


def test_a_witness_of_nothing_says_so(free_port):
    witness = Witness(f"http://127.0.0.1:{free_port}", "demo")
    assert not witness.is_up()
    assert witness.missing({"00"}, 1).startswith("the API cannot tell")


def test_the_page_links_to_its_files_and_to_the_ones_that_appear(watching):
    watching.go_on(0)

    page = requests.get(watching.site.url, timeout=10).text
    names = re.findall(r'href="files/([^"]+)"', page)

    assert names == ["prices.csv", "report-1.pdf", "report-2.pdf"]
    report = requests.get(f"{watching.site.url}files/report-2.pdf", timeout=10)
    assert report.content.startswith(b"%PDF")


def test_a_second_demo_serves_its_pages_at_another_port(watching, tmp_path):
    second = Watching(tmp_path, lambda line: None)

    assert second.site.url != watching.site.url
    told = re.findall(r"examples/(\w+)\.py --network --argument url=(\S+?)(?:;|$)", second.tries())
    assert [name for name, _ in told] == ["currency", "weather"]
    for name, url in told:
        assert url == f"{second.site.url}{name}.html"
        assert requests.get(url, timeout=10).headers["Content-Type"] == "text/html; charset=utf-8"
    second.stop()


def test_a_file_of_the_page_changes_under_its_name(watching):
    url = f"{watching.site.url}files/prices.csv"
    before = requests.get(url, timeout=10)
    known = {"If-None-Match": before.headers["ETag"]}
    assert requests.get(url, headers=known, timeout=10).status_code == 304

    watching.go_on(1)

    assert requests.get(url, headers=known, timeout=10).content != before.content


def test_the_section_of_the_page_is_valid(watching, tmp_path):
    place = prepared(tmp_path, 0, MaildirBox(tmp_path / "Maildir"), watching.sections())
    config = settings.load(place.config)

    assert pages(config)["reports"].url == watching.site.url
    assert Mailer.configured(config)


def test_a_digest_is_kept_in_a_file_and_told(tmp_path):
    told_lines: list[str] = []
    watching = Watching(tmp_path, told_lines.append)
    place = prepared(tmp_path, 0, MaildirBox(tmp_path / "Maildir"), watching.sections())
    mail = EmailMessage()
    mail["Subject"] = "2 new files"

    mailer = Mailer.configured(settings.load(place.config))
    assert mailer
    mailer.send(mail)
    watching.stop()

    (file,) = (tmp_path / "digests").iterdir()
    assert b"Subject: 2 new files\r\n" in file.read_bytes()
    assert told_lines == ["a digest was mailed: 2 new files", f"    it is in {file}"]


def test_without_the_library_there_is_no_digest_and_it_says_so(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "postroom.demo.smtp_sink", raising=False)
    monkeypatch.setitem(sys.modules, "aiosmtpd.smtp", None)
    told_lines: list[str] = []

    watching = Watching(tmp_path, told_lines.append)

    assert list(watching.sections()) == ["page reports"]
    assert "SMTP server cannot run here" in told_lines[0]
    watching.stop()


def test_what_is_missing_of_the_page_is_told(watching):
    def seen(*names):
        return [{"download_url": name, "state": "stored"} for name in names]

    watching._sink.count = 1

    assert watching.missing(seen("a")) == "1 of the page's 2 files are stored"
    assert watching.missing(seen("a", "b")) == "the file that changed is not stored anew"
    assert watching.missing(seen("a", "b", "b")) == ""


def test_a_receipt_is_told_in_words():
    assert told({"listed": 3, "stored": 2, "missing": 1}) == "listed 3, stored 2, missing 1"


def test_lines_cannot_steer_the_terminal():
    assert printable("a\x1b[31mb\tü") == "a?[31mb ü"
