"""`python -m api` with settings that cannot work: one sentence that names the key, and status 2."""

import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.long import one_in
from tests.servers import commands
from tests.servers.daemons import Daemons
from tests.servers.ports import HOST, free_port


def run(folder: Path, lines: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "config.ini").write_text(lines)
    (folder / "letter.txt").write_text("Dear reader, this is no database.")
    return commands.run(folder, "api", *arguments)


PLACES = ["letter.txt/a.sqlite", "letter.txt", "/proc/nothing/a.sqlite", "."]
WRONG = [
    (*at, place) for at in (("api", "database"), ("storage", "mails_path")) for place in PLACES
]


@pytest.mark.parametrize(("section", "key", "place"), one_in(3, WRONG))
def test_a_file_that_cannot_be_there_is_a_wrong_setting(
    tmp_path: Path, section: str, key: str, place: str
) -> None:
    lines = {"api": f"port = {free_port()}\n", "storage": ""}
    lines[section] += f"{key} = {place}\n"
    text = "".join(f"[{name}]\n{body}" for name, body in lines.items())

    checked = run(tmp_path, text, "--check")
    started = run(tmp_path, text)

    assert (checked.returncode, started.returncode) == (1, 2)
    assert f"{tmp_path / 'config.ini'}: [{section}] {key}: " in started.stderr
    assert "Traceback" not in checked.stderr + started.stderr
    assert (tmp_path / "letter.txt").read_text() == "Dear reader, this is no database."


def test_an_unknown_storage_is_named_with_its_key(tmp_path: Path) -> None:
    started = run(tmp_path, f"[api]\nport = {free_port()}\n[storage]\nmails = tape\n")

    assert started.returncode == 2
    assert "config.ini: [storage] mails: unknown storage 'tape'" in started.stderr


def test_configured_pages_are_known_before_a_monitor_comes(tmp_path: Path) -> None:
    section = {"url": "https://example.org/prices/", "select": "#list", "cookies": "key=12345"}
    daemons = Daemons(tmp_path, {}, {"page prices": section})
    try:
        daemons.start("api")
        (page,) = daemons.items("/v1/pages")
        with urlopen(f"http://{HOST}:{daemons.api_port}/pages/prices") as answer:
            shown = answer.read().decode()
    finally:
        daemons.close()

    assert (page["name"], page["state"], page["seen"]) == ("prices", "new", None)
    assert page["url"] == "https://example.org/prices/"
    assert "#list" in shown
    assert "12345" not in shown


def test_a_place_of_files_that_cannot_be_is_a_wrong_setting(tmp_path: Path) -> None:
    started = run(tmp_path, f"[api]\nport = {free_port()}\n[storage]\nfiles_path = letter.txt\n")

    assert started.returncode == 2
    assert "config.ini: [storage] files_path: " in started.stderr
