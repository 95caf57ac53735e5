"""The doctor names what is wrong, and what to do."""

import json

import pytest

from tests.servers.commands import run
from tests.servers.ports import free_port


@pytest.fixture
def folder(tmp_path):
    ports = f"[api]\nport = {free_port()}\n[master]\nport = {free_port()}\n"
    (tmp_path / "config.ini").write_text(ports)
    return tmp_path


def examined(folder, *arguments):
    done = run(folder, "postroom", "doctor", "--json", *arguments)
    told = json.loads(done.stdout)
    return done.returncode, {(each["of"], each["name"]): each for each in told["findings"]}


def test_a_file_of_secrets_that_others_may_open_and_an_api_that_is_away_are_bad(folder):
    secret = folder / "imap_credentials.py"
    secret.write_text('imap_password = "sesame"\n')
    secret.chmod(0o644)

    status, found = examined(folder)

    assert status == 1
    assert found["host", "permissions"]["state"] == "bad"
    assert "chmod 600" in found["host", "permissions"]["detail"]
    assert "-m api" in found["master", "api"]["remedy"]
    assert found["host", "clock"]["state"] == "warn"
    assert "sesame" not in json.dumps(list(found.values()))


def test_an_unknown_key_is_told_once(folder):
    (folder / "config.ini").write_text("[api]\nprot = 1\n")

    status, found = examined(folder)

    assert status == 1
    assert "did you mean port?" in found["host", "settings"]["detail"]


def test_a_command_that_is_not_there_is_named_and_the_others_listed(tmp_path):
    listed = run(tmp_path, "postroom")
    unknown = run(tmp_path, "postroom", "docter")

    assert listed.returncode == 0
    assert "doctor" in listed.stdout
    assert unknown.returncode == 2
    assert "docter" in unknown.stderr
