"""An installed Postroom: `postroom` alone among everybody's modules, and the same five commands."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from postroom.house import DAEMONS
from tests.documents import ROOT
from tests.servers.ports import HOST, free_port
from tests.waiting import wait_until

SETUPTOOLS = metadata.version("setuptools")
pytestmark = pytest.mark.skipif(
    int(SETUPTOOLS.split(".")[0]) < 77, reason=f"setuptools {SETUPTOOLS}: a wheel needs 77 or newer"
)
TREES = ("postroom", *DAEMONS)
#: The page that is watched is the API's own.
CONFIG = """
[api]
port = {port}
[master]
port = {master}
[runner]
isolation = none
[mailbox work]
source = maildir
path = Maildir
[page own]
url = http://{host}:{port}/
allow_hosts = {host}
"""

#: What `postroom NAME --check --json` does for one after the other; to load them takes longest.
EACH_CHECK = """
import runpy, sys
from postroom.house import DAEMONS, module
for name in DAEMONS:
    sys.argv[1:] = ["--check", "--json"]
    try:
        runpy.run_module(module(name), run_name="__main__", alter_sys=True)
    except SystemExit as e:
        print("::", name, e.code)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: building leaves traces."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in TREES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    # What pip asks for.
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, str(folder / "out")]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (made,) = (folder / "out").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, as pip lays it out."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_a_wheel_puts_nothing_but_postroom_among_all_modules(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    files = {name for name in names if name.startswith("postroom/")}
    expected = {
        str(path.relative_to(ROOT)) if tree == "postroom" else f"postroom/{path.relative_to(ROOT)}"
        for tree in TREES
        for path in (ROOT / tree).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {top for top in tops if not top.endswith(".dist-info")} == {"postroom"}
    assert files == expected


def test_each_daemon_runs_from_a_wheel(installed, tmp_path):
    paths = [str(installed), sysconfig.get_path("purelib")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-c", EACH_CHECK],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = re.findall(r"(.*?)^:: (\w+) (\w+)$", done.stdout, re.M | re.S)
    assert [name for _, name, _ in told] == list(DAEMONS)
    for said, name, status in told:
        assert status in ("0", "1"), name
        assert '"settings"' in said, name


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment of its own, into which pip put the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    python = [sys.executable, "-m"]
    subprocess.run([*python, "venv", "--without-pip", str(folder)], check=True, capture_output=True)
    install = [*python, "pip", "--python", str(folder / "bin" / "python"), "install", "--no-index"]
    subprocess.run([*install, "--no-deps", str(wheel)], check=True, capture_output=True)
    (packages,) = folder.glob("lib/*/site-packages")
    # What it depends on is not installed a second time.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "bin"


@pytest.mark.long
def test_what_pip_installed_checks_itself_serves_its_pages_and_is_asked_how_it_stands(
    site: Path, tmp_path: Path
) -> None:
    port = free_port()
    for name in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    config = CONFIG.format(host=HOST, port=port, master=free_port())
    (tmp_path / "config.ini").write_text(config)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def postroom(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [site / "postroom", *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    with (tmp_path / "api.log").open("wb") as log:
        api = subprocess.Popen(
            [site / "postroom", "api"], cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
    try:
        overview = wait_until(lambda: _got(f"http://{HOST}:{port}/"), 90, "the API")
        style = _got(f"http://{HOST}:{port}/assets/page.css")
        checked = {name: postroom(name, "--check", "--json") for name in DAEMONS}
        status = postroom("status")
    finally:
        api.terminate()

    assert api.wait(timeout=60) == 0
    assert b"Overview" in overview
    assert b"{" in style
    for name, done in checked.items():
        lines = {line["name"]: line["ok"] for line in json.loads(done.stdout)}
        assert lines.pop("settings"), (name, done.stderr)
        # Nobody started the master.
        assert {key for key, ok in lines.items() if not ok} <= {"master"}, done.stdout
    assert (status.returncode, status.stderr) == (0, "")
    assert "all is well" in status.stdout


def _got(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own
            return bytes(answer.read())
    except OSError:
        return b""
