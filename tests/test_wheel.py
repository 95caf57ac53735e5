"""An installed Postroom: `postroom` alone among everybody's modules, and the same five commands."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from postroom.house import DAEMONS
from tests.documents import ROOT

SETUPTOOLS = metadata.version("setuptools")
pytestmark = pytest.mark.skipif(
    int(SETUPTOOLS.split(".")[0]) < 77, reason=f"setuptools {SETUPTOOLS}: a wheel needs 77 or newer"
)
TREES = ("postroom", *DAEMONS)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: building leaves traces."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in TREES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps"]
    subprocess.run([*build, "-w", folder / "out", folder], check=True, capture_output=True)
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


@pytest.mark.parametrize("name", DAEMONS)
def test_each_daemon_runs_from_a_wheel(installed, tmp_path, name):
    paths = [str(installed), sysconfig.get_path("purelib")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-m", "postroom", name, "--check", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode in (0, 1), done.stderr
    assert '"settings"' in done.stdout
