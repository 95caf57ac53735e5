"""What docs/scripts.md says is so: its scripts, its shell lines, its options and names."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runner import inline
from runner.folders import MOST_ARTEFACTS
from tests.documents import BLOCK, ROOT, rows, section, text
from tests.scripts import MAIL

TOLD = text("docs/scripts.md")
BLOCKS = BLOCK.findall(TOLD)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the first script of the page, and a mail."""
    (tmp_path / "invoices.py").write_text(next(block for kind, block in BLOCKS if kind == "python"))
    (tmp_path / "order.eml").write_bytes(MAIL)
    return tmp_path


@pytest.mark.parametrize("lines", [block for kind, block in BLOCKS if kind == "sh"])
def test_each_shell_line_does_what_it_says(desk, lines):
    environ = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "TOKEN": "secret of the shop",
    }

    done = subprocess.run(
        ["bash", "-ec", lines], cwd=desk, env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    if "try" in lines:
        assert done.stdout.startswith("reading café\n")
        assert "../../etc/prices.csv: 1 rows\n\n--- copy.csv: 3 bytes ---\n" in done.stdout
    else:
        assert (desk / "data/secrets/shop_token").stat().st_mode & 0o777 == 0o600


def test_the_block_of_the_page_is_one():
    (block,) = [block for kind, block in BLOCKS if kind == "python" and "# ///" in block]

    assert "openpyxl" in inline.block(block)


def test_each_option_of_try_is_described():
    options = set(re.findall(r'add\w*\(\s*"(--[a-z]+)"', text("runner/trying.py")))

    assert len(options) > 8
    assert {name for name in options if f"`{name}" not in TOLD} == set()


@pytest.mark.parametrize(
    ("heading", "kind"), [("context", "Context"), ("output", "Output")], ids=lambda name: name
)
def test_each_name_that_scripts_use_is_described(heading, kind):
    tree = ast.parse(text("runner/inside/postroom_script.py"))
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind]
    names = {node.name for node in found.body if isinstance(node, ast.FunctionDef)}
    public = {name for name in names if not name.startswith("_")} - {"flush"}
    told = " ".join(rows(section(TOLD, heading)))

    assert len(public) >= 3
    assert {name for name in public if not re.search(rf"\b{name}\b", told)} == set()


def test_the_number_of_files_is_what_is_said():
    assert f"At most {MOST_ARTEFACTS} files" in TOLD
