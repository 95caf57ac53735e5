"""docs/deploy.md, docker.md and systemd.md: each file, variable and command that they name is there."""

import re
import subprocess

import pytest

from tests.documents import BLOCK, ROOT, commands, text

SCRIPTS = ("postroom", "supervise", "entrypoint")


def lines(name: str) -> list[str]:
    """The shell lines of a document."""
    return [
        line
        for kind, block in BLOCK.findall(text(name))
        if kind == "sh"
        for line in commands(block)
    ]


@pytest.mark.parametrize("name", ["docs/deploy.md", "docs/docker.md", "docs/systemd.md"])
def test_each_line_is_one_that_a_shell_reads_and_names_what_is_there(name):
    assert lines(name)
    for line in lines(name):
        subprocess.run(["sh", "-n", "-c", line], check=True)
        files = re.findall(
            r"(?<![\w.-])(?:/opt/postroom/)?(deploy/[\w./-]+|[\w-]+\.(?:txt|ini))", line
        )
        assert [f for f in files if f != "config.ini" and not (ROOT / f).exists()] == [], line


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
