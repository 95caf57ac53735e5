"""docs/deploy.md, docker.md, systemd.md: each file, variable and command they name is there."""

import importlib
import re
import shlex
import subprocess

import pytest

from postroom import daemon
from postroom.house import DAEMONS
from tests.documents import BLOCK, ROOT, commands, text

PAGES = ("docs/deploy.md", "docs/docker.md", "docs/systemd.md")
SCRIPTS = ("postroom", "supervise", "entrypoint")
#: What those make who follow the documents.
MADE = re.compile(r"config(-2)?\.ini|deploy/\.env|deploy/postroom-data/.*")


def lines(name: str) -> list[str]:
    """The shell lines of a document."""
    return [
        line
        for kind, block in BLOCK.findall(text(name))
        if kind == "sh"
        for line in commands(block)
    ]


@pytest.mark.parametrize("name", PAGES)
def test_each_line_is_one_that_a_shell_reads_and_names_what_is_there(name):
    assert lines(name)
    for line in lines(name):
        subprocess.run(["sh", "-n", "-c", line], check=True)
        files = re.findall(
            r"(?<![\w.-])(?:/opt/postroom/)?(deploy/[\w./-]+|[\w-]+\.(?:txt|ini))", line
        )
        assert [f for f in files if not MADE.fullmatch(f) and not (ROOT / f).exists()] == [], line


@pytest.mark.parametrize("name", PAGES)
def test_each_daemon_takes_the_arguments_that_it_is_given(name):
    for line in lines(name):
        _, _, rest = line.partition("python -m ")
        program, *arguments = shlex.split(rest) or [""]
        if program in DAEMONS:
            module = importlib.import_module(f"{program}.__main__")
            own = getattr(module, "_arguments", None) or module.arguments
            daemon._parser(program, own).parse_args(arguments)


def test_each_variable_of_the_scripts_is_told_and_each_that_is_told_is_used():
    told = set(re.findall(r"^\| `(POSTROOM_\w+)`", text("docs/docker.md"), re.MULTILINE))
    used = set()
    for name in SCRIPTS:
        head = text(f"deploy/{name}").split("\nset -")[0]
        used |= set(re.findall(r"POSTROOM_(?!WORK)\w+", head))

    assert told == used


def test_the_image_holds_all_that_runs():
    copied = re.findall(r"^COPY (\w+) /opt/postroom/\w+$", text("deploy/Dockerfile"), re.MULTILINE)
    packages = {file.parent.name for file in ROOT.glob("*/__main__.py")} | {"postroom", "deploy"}

    assert set(copied) == packages - {"bench"}


def test_the_image_installs_what_the_tests_had_with_its_hashes():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+(?:\[\w+\])?==\S+)", text(name), re.MULTILINE))

    image = {re.sub(r"\[\w+\]", "", pin) for pin in pins("requirements-image.txt")}
    tested = {re.sub(r"\[\w+\]", "", pin) for pin in pins("requirements-dev.txt")}

    assert pins("requirements.txt") <= image <= tested
    assert "--require-hashes -r /tmp/requirements-image.txt" in text("deploy/Dockerfile")
