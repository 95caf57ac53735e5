"""python -m runner try: a script at a desk, as it will run in the house."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts import IMPORT, MAIL
from tests.servers import commands


def tried(folder: Path, source: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "script.py").write_text(IMPORT + source)
    return commands.run(folder, "runner", "try", "script.py", *arguments)


def test_a_script_is_tried_with_a_mail(tmp_path):
    (tmp_path / "mail.eml").write_bytes(MAIL)

    done = tried(
        tmp_path,
        """
import sys
print("log of", context.mail.subject)
print("to err", file=sys.stderr)
output(f"{context.arguments.n + 1} {context.arguments.city} {context.since:%Y}")
output.file("table.csv", context.mail.attachments[0].read())
""",
        *("--mail", "mail.eml", "--argument", "n=41", "--argument", "city=Oslo"),
        *("--since", "2026-01-01T00:00:00Z", "--output", "kept"),
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "log of café\n\n--- output.txt ---\n42 Oslo 2026\n\n--- table.csv: 3 bytes ---\n"
    )
    assert done.stderr.startswith("to err\n")
    assert "--- completed, isolation: " in done.stderr
    assert (tmp_path / "kept/output.txt").read_text() == "42 Oslo 2026\n"
    assert (tmp_path / "kept/table.csv").read_bytes() == b"1,2"


def test_a_script_is_tried_with_a_file_and_secrets(tmp_path):
    (tmp_path / "prices.txt").write_text("1 2 3")
    folder = tmp_path / "data/secrets"
    folder.mkdir(parents=True)
    (folder / "KEPT").write_text("kept secret")
    (folder / "KEPT").chmod(0o600)

    done = tried(
        tmp_path,
        "output(context.file.filename, ) ; output(context.file.read().decode())\n"
        "output([len(context.secrets[name]) for name in ('KEPT', 'GIVEN')])\n"
        "print(*context.secrets.values())",
        *("--file", "prices.txt", "--secret", "KEPT", "--secret", "GIVEN=long enough"),
        *("--isolation", "none"),
    )

    assert done.stdout.startswith("*** ***\n"), done.stderr
    assert "prices.txt\n1 2 3\n[11, 11]\n" in done.stdout


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("import sys; sys.exit(7)", 7, "exit status 7"),
        ("raise ValueError('no price')", 1, "ValueError: no price"),
        ("context.secrets['X']", 1, "not among the secrets"),
    ],
)
def test_the_status_is_that_of_the_script(tmp_path, source, status, words):
    done = tried(tmp_path, source, "--isolation", "none")

    assert done.returncode == status
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--mail", "none.eml"], 1, "none.eml: cannot be read"),
        (["--secret", "X=abc"], 1, "shorter than 4"),
        (["--secret", "X"], 1, "not there: put it in"),
    ],
)
def test_what_cannot_be_tried_says_why(tmp_path, arguments, status, words):
    done = tried(tmp_path, "pass", "--isolation", "none", *arguments)

    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_runner_the_module_says_how(tmp_path):
    inside = Path("runner/inside").absolute()
    source = f"import sys; sys.path.insert(0, {str(inside)!r}); " + IMPORT + "context.run_id"

    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )

    assert "start the script by python -m runner try SCRIPT" in done.stderr
