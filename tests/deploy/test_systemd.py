"""systemd reads its units without a word, and they give no more rights than they say."""

import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from postroom.daemon import Exit
from tests.documents import ROOT

UNITS = ROOT / "deploy" / "systemd"
DAEMONS = {"api", "master", "provider", "monitor", "runner"}
PYTHON = "/opt/postroom/.venv/bin/python"
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="needs systemd-analyze: make system-deps"
)


class Unit(RawConfigParser):
    """A unit file, as far as ours go."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=True, interpolation=None)
        self.read_string((UNITS / f"postroom-{name}.service").read_text())

    def optionxform(self, optionstr: str) -> str:
        """Keys as they stand."""
        return optionstr


@pytest.fixture
def installed(tmp_path: Path) -> list[str]:
    """The units, with a Python that is here."""
    for file in UNITS.iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace(PYTHON, sys.executable))
    return [str(file) for file in sorted(tmp_path.iterdir())]


@needs_systemd
def test_systemd_finds_nothing_to_say(installed):
    done = subprocess.run(
        ["systemd-analyze", "verify", *installed], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_no_unit_is_exposed(installed):
    for unit in [name for name in installed if name.endswith(".service")]:
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=35", unit]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_each_daemon_has_its_unit_and_the_target_wants_it():
    names = {file.stem.removeprefix("postroom-") for file in UNITS.glob("*.service")}

    assert names == DAEMONS
    for name in names:
        unit = Unit(name)
        assert re.match(rf"{PYTHON} -m {name} ", unit["Service"]["ExecStart"])
        assert unit["Install"]["WantedBy"] == unit["Unit"]["PartOf"] == "postroom.target"


def test_what_people_have_to_mend_is_not_tried_again():
    for name in DAEMONS:
        prevented = Unit(name)["Service"]["RestartPreventExitStatus"].split()
        assert prevented == [str(int(s)) for s in (Exit.SETTINGS, Exit.PORT_TAKEN, Exit.RUNNING)]


def test_the_master_may_ask_for_the_interfaces_as_zeromq_does_before_it_listens():
    assert "AF_NETLINK" in Unit("master")["Service"]["RestrictAddressFamilies"].split()


def test_the_runner_alone_may_make_namespaces_and_mounts():
    runner = Unit("runner")["Service"]

    assert "RestrictNamespaces" not in runner
    assert "@mount" in runner["SystemCallFilter"]
    for name in DAEMONS - {"runner"}:
        other = Unit(name)["Service"]
        assert other["RestrictNamespaces"] == "yes"
        assert other["SystemCallFilter"] == "@system-service"
