"""What a script sees and says: context, output, log, secrets."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from postroom.errors import SettingsError, TemporaryError
from runner import desk
from runner.isolation import Nothing
from runner.job import FileFiles, MailFiles
from runner.room import remove, work
from tests.scripts import MAIL, Runs, text


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    return Runs(tmp_path, isolation="none")


@pytest.fixture
def eml(tmp_path: Path) -> Path:
    file = tmp_path / "mail.eml"
    file.write_bytes(MAIL)
    return file


# --- context


def test_a_script_knows_its_run(run):
    ended = run(
        """
        output.json([context.run_id, context.script, context.version, context.attempt])
        output.json([context.arguments.city, context.arguments["n"], context.trigger.kind])
        output.json([context.since.year, context.mail, context.file])
        """,
        run=12,
        version=3,
        attempt=2,
        arguments={"city": "Oslo", "n": [1]},
        trigger={"kind": "clock"},
        since="2026-01-02T03:04:05.000Z",
    )

    assert text(ended).splitlines() == [
        '[12, "test", 3, 2]',
        '["Oslo", [1], "clock"]',
        "[2026, null, null]",
    ]


def test_a_script_reads_its_mail(run, eml, tmp_path):
    mail = desk.mail(eml, tmp_path)

    ended = run(
        """
        mail = context.mail
        output.json([mail.subject, mail["subject"], mail.text, mail.from_[0].name, str(mail.to[1])])
        output.json([mail.raw == open(mail.path, "rb").read(), len(mail.raw), mail.defects])
        (one,) = mail.attachments
        output.json([one.name, one.type, one.size, one.read().decode(), one.path[-12:]])
        try:
            mail.subjekt
        except AttributeError as e:
            output(str(e)[:25])
        """,
        mail=mail,
    )

    assert text(ended).splitlines() == [
        '["café", "café", "Hello", "Ännchen", "Carl <carl@example.org>"]',
        f"[true, {len(MAIL)}, []]",
        '["../../etc/prices.csv", "text/csv", 3, "1,2", "c_prices.csv"]',
        "subjekt: there are subjec",
    ]


def test_a_script_reads_its_file(run, tmp_path):
    content = tmp_path / "table"
    content.write_bytes(b"\0\1")
    file = FileFiles(record={"filename": "table.xlsx", "page": "prices"}, content=content)

    ended = run(
        "f = context.file; output.json([f.filename, f.page, list(f.read()), f.path[-10:]])",
        file=file,
    )

    assert json.loads(text(ended)) == ["table.xlsx", "prices", [0, 1], "table.xlsx"]


def test_the_script_cannot_spoil_the_mail_for_others(run, eml):
    mail = MailFiles(record={"subject": "x", "attachments": []}, raw=eml)

    run("open(context.mail.path, 'w').write('spoilt')", mail=mail)

    assert eml.read_bytes() == MAIL


class _Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = json.dumps([self.path, self.headers["Authorization"]]).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api_url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Api)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_script_that_is_allowed_the_network_asks_the_api(run, api_url):
    source = "output.json(context.api.get('/v1/mails', q='from:ann', limit=3))"
    told = {"api_url": api_url, "api_token": "token-of-the-run"}

    allowed = run(source, network=True, **told)
    refused = run(source, **told)

    assert json.loads(text(allowed)) == ["/v1/mails?q=from%3Aann&limit=3", "Bearer ***"]
    assert refused.error.endswith(
        "RuntimeError: this run has no API: the script must be allowed the network"
    )


# --- output and log


def test_output_goes_to_one_file_and_artefacts_by_name(run):
    ended = run("""
        output("line")
        output.write("no end")
        output()
        output.json({"é": 1})
        output.file("a.csv", "é")
        output.file("b.bin", b"\\x00")
        open("made.txt", "w").write("made")
        output.file("made.txt")
    """)

    assert ended.status == "completed", ended.error
    assert text(ended) == 'line\nno end\n{"é": 1}\n'
    assert {path.name: path.read_bytes() for path in ended.artefacts} == {
        "a.csv": "é".encode(),
        "b.bin": b"\0",
        "made.txt": b"made",
    }


@pytest.mark.parametrize("name", ["../x", "/x", "", ".", "..", ".x", "a/b", "output.txt", "\0"])
def test_the_name_of_an_artefact_is_no_path(run, name):
    ended = run(f"output.file({name!r}, b'x')")

    assert "cannot be the name of a file" in ended.error
    assert ended.artefacts == ()


def test_print_goes_to_the_log_as_it_happens(run):
    run("""
        import sys
        print("ä out")
        print("to err", file=sys.stderr)
        print("\\udce9 lone", flush=True)
    """)

    assert run.printed == "ä out\n\\udce9 lone\n"
    assert run.log["err"] == b"to err\n"


def test_a_run_without_output_has_none(run):
    ended = run("print('hello')")

    assert (ended.status, ended.exit_code, ended.output, ended.artefacts) == (
        "completed",
        0,
        None,
        (),
    )
    assert ended.isolation == "none"


def test_a_failed_run_has_its_error_as_output_and_keeps_what_there_was(run):
    ended = run("output('so far')\nraise ValueError('no such price')")

    assert (ended.status, ended.exit_code) == ("error", 1)
    assert ended.error.startswith("Traceback (most recent call last):\n  File")
    assert ended.error.endswith("ValueError: no such price")
    assert "launcher.py" not in ended.error
    assert text(ended) == f"{ended.error}\n"
    assert [path.read_text() for path in ended.artefacts] == ["so far\n"]


@pytest.mark.parametrize(
    ("source", "code", "error"),
    [
        ("import sys; sys.exit(3)", 3, "exit status 3"),
        ("import sys; sys.exit('nothing to do')", 1, "nothing to do"),
        ("import os; os.kill(os.getpid(), 15)", 143, "the script died by signal 15"),
        ("import sys; sys.exit(0)", 0, ""),
    ],
)
def test_how_a_script_ended(run, source, code, error):
    ended = run(source)

    assert (ended.exit_code, ended.error) == (code, error)


def test_a_script_that_does_not_compile_says_where(run):
    ended = run("x = (\n")

    assert "line 2" in ended.error
    assert "SyntaxError" in ended.error


def test_a_script_is_a_main_module_and_sees_no_library_of_the_runner(run):
    ended = run("""
        import sys
        output.json([__name__, sys.argv[1:], sys.stdin.read()])
        import msgspec
    """)

    assert ended.error.endswith("ModuleNotFoundError: No module named 'msgspec'")
    assert [path.read_text() for path in ended.artefacts] == ['["__main__", [], ""]\n']


# --- isolation that cannot be


def test_bubblewrap_that_is_missing_is_refused_where_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("runner.isolation.SYSTEM", str(tmp_path))

    with pytest.raises(SettingsError, match=r"\[runner\] isolation: bubblewrap does not work here"):
        Runs(tmp_path, isolation="bubblewrap")


def test_a_user_that_there_is_not_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)

    with pytest.raises(SettingsError, match="'nobody-of-this-name' is no user"):
        Runs(tmp_path, isolation="limits", user="nobody-of-this-name")


# --- what is not the script's doing


def test_a_machine_that_cannot_start_it_now_says_later(run):
    run.workshop.isolation = Nothing(Path("/nowhere/python"))

    with pytest.raises(TemporaryError, match="cannot be started"):
        run("pass")


def test_a_log_that_cannot_be_told_ends_the_script(run):
    def told(stream: str, piece: bytes) -> None:
        raise ValueError(piece.decode())

    folder = run.folder / "own"
    folder.mkdir()
    job = run.job("import os, time; print(os.getpid()); time.sleep(300)")

    with pytest.raises(ValueError, match=r"\d+") as said:
        work(job, folder, run.workshop, told, run.stop)

    assert not Path(f"/proc/{said.value}").exists()


def test_a_script_is_stopped_while_its_environment_is_prepared(run):
    run.stop.set()

    ended = run("# /// script\n# dependencies = ['x']\n# ///\n")

    assert ended.error == "the script was stopped before it began"


def test_a_folder_is_removed_whatever_the_script_left(run):
    run("import os; os.makedirs('a/b'); os.chmod('a/b', 0); os.chmod('a', 0); os.symlink('/', 'c')")

    remove(run.folder / "run-1")

    assert not (run.folder / "run-1").exists()
