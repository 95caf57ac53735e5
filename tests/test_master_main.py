"""`python -m master` as an operator meets it: exit codes, sentences, checks, keys."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.long import one_in
from tests.servers import commands
from tests.servers.real_master import HELLO, RealMaster


@pytest.fixture
def master(tmp_path):
    made = RealMaster(tmp_path).configure()
    yield made
    made.close()


def run(master, *arguments):
    return commands.run(master.folder, "master", "--config", str(master.config), *arguments)


MISTAKES = {
    "an unknown key": ("worker = 2", "worker"),
    "a wrong type": ("workers = many", "workers"),
    "an unknown sink": (
        "sinks = api, nowhere",
        "config.ini: [master] sinks: unknown sink 'nowhere'",
    ),
    "no api among the sinks": ("sinks = directory", "`api` must be among them"),
    "strangers without keys": ("host = 0.0.0.0", "python -m master keys new"),
    "a host that is none": ("host = no such host", "no such host"),
    "an unknown storage": (
        "[storage]\nmails = tape",
        "config.ini: [storage] mails: unknown storage 'tape'",
    ),
    "a store in an impossible place": (
        "[storage]\nmails_path = config.ini/mails.sqlite",
        "config.ini: [storage] mails_path: ",
    ),
    "a store that is another file": (
        "[storage]\nmails_path = config.ini",
        "config.ini: [storage] mails_path: ",
    ),
    "a spool that is a file": ("spool = config.ini", "config.ini: [master] spool: "),
    "a spool that nobody can make": ("spool = /proc/spool", "config.ini: [master] spool: "),
    "an unknown key of a sink": (
        "sinks = directory, api\n[sink directory]\nfolder = x",
        "folder",
    ),
}


@pytest.mark.parametrize(("lines", "said"), one_in(4, list(MISTAKES.values())), ids=MISTAKES.keys())
def test_a_mistake_in_the_settings_is_one_sentence_and_status_2(master, lines, said):
    text = master.config.read_text().replace("[api]\n", f"{lines}\n[api]\n", 1)
    master.config.write_text(text)

    ended = run(master)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_one_sentence_and_status_3(master, tmp_path_factory):
    other = RealMaster(tmp_path_factory.mktemp("other"))
    other.port = master.port
    other.start()
    try:
        ended = run(master)
    finally:
        other.close()

    assert ended.returncode == 3
    assert str(master.port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_check_says_what_stands_and_what_does_not(master):
    good = run(master, "--check", "--json")
    master.api.close()
    bad = run(master, "--check")

    lines = {line["name"]: line["ok"] for line in json.loads(good.stdout)}
    assert lines == dict.fromkeys(["settings", "port", "keys", "storage", "spool", "api"], True)
    assert (good.returncode, bad.returncode) == (0, 1)
    assert "FAIL api" in bad.stdout
    assert "python -m api" in bad.stdout


def test_a_check_finds_a_taken_port_an_open_key_and_a_spool_that_is_no_folder(master):
    run(master, "keys", "new")
    master.start()
    (master.folder / "data" / "keys" / "server.key_secret").chmod(0o644)
    master.configure(spool=master.config)

    found = json.loads(run(master, "--check", "--json").stdout)

    assert {line["name"] for line in found if not line["ok"]} == {"port", "keys", "spool"}
    assert all(line["remedy"] for line in found if not line["ok"])


def test_new_keys_are_made_and_named(master):
    made = run(master, "keys", "new", "laptop")
    again = run(master, "keys", "new", "laptop")

    names = [line.rpartition("/")[2] for line in made.stdout.splitlines()]
    assert names == ["server.key_secret", "server.key", "laptop.key_secret", "laptop.key"]
    assert (made.returncode, again.returncode) == (0, 2)
    assert "exists" in again.stderr


def test_with_keys_the_master_binds_beyond_this_machine(master):
    run(master, "keys", "new")

    master.start(host="0.0.0.0")

    assert f"listening on tcp://0.0.0.0:{master.port}" in master.log()


def test_a_worker_that_cannot_start_just_now_says_why_and_is_tried_again(master):
    (master.folder / "data").mkdir()
    with closing(sqlite3.connect(master.folder / "data" / "mails.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        master.configure(workers=1).launch()
        master.await_log("database is locked")

    assert master.lanes().ask(HELLO).storage
    assert "Traceback" not in master.log()


def test_help_names_the_actions(master):
    shown = run(master, "--help").stdout

    assert "keys" in shown
    assert "--check" in shown
