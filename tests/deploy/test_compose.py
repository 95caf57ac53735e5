"""compose.yaml says what the Compose specification allows, and nothing floats or leaks."""

import functools
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documents import ROOT

FILE = ROOT / "deploy" / "compose.yaml"
#: Each checks a file against the schema of the specification, without any Docker that runs.
COMPOSE = (["docker", "compose"], ["docker-compose"])


@functools.cache
def compose() -> list[str] | None:
    """The command that is here."""
    for command in COMPOSE:
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version"], capture_output=True, check=False)
            if done.returncode == 0:
                return command
    return None


def is_valid(file: Path) -> bool:
    """Whether the specification allows it."""
    command = compose()
    if command is None:
        pytest.skip("needs docker compose or docker-compose: make system-deps")
    done = subprocess.run([*command, "-f", file, "config", "-q"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the file says."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def test_it_is_what_the_specification_describes(tmp_path):
    broken = tmp_path / "compose.yaml"
    broken.write_text(FILE.read_text().replace("depends_on:", "depends:"))

    assert is_valid(FILE)
    assert not is_valid(broken)


def test_images_of_others_have_a_version(told):
    images = [service["image"] for service in told["services"].values() if "build" not in service]

    assert len(images) == 3
    assert [image for image in images if not re.search(r":v?\d[\w.-]*$", image)] == []


def test_postroom_waits_until_the_others_are_well(told):
    services = told["services"]
    needed = services["postroom"]["depends_on"]

    assert needed.keys() == services.keys() - {"postroom"}
    assert {each["condition"] for each in needed.values()} == {"service_healthy"}
    assert all("healthcheck" in services[name] for name in needed)


def test_ports_open_on_this_machine_only(told):
    ports = [port for service in told["services"].values() for port in service.get("ports", [])]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_its_secrets_are_made_once_and_private(told, tmp_path):
    command = ["sh", ROOT / "deploy" / "compose-secrets", tmp_path / "secrets"]
    given = {"PATH": "/usr/bin:/bin", "POSTROOM_FOLDER": str(tmp_path / "data")}
    texts = []
    for _ in range(2):
        subprocess.run(command, env=given, check=True, capture_output=True)
        files = sorted((tmp_path / "secrets").iterdir())
        texts.append([file.read_text() for file in files])

    assert texts[0] == texts[1]
    assert {f"./secrets/{file.name}" for file in files} == {
        secret["file"] for secret in told["secrets"].values()
    }
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    used = [name for service in told["services"].values() for name in service["secrets"]]
    assert set(used) == set(told["secrets"])
