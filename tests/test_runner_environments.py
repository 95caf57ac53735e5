"""What scripts declare to import: resolved once, built once, cleaned away when unused."""

import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from postroom.errors import TemporaryError
from postroom.settings import Runner
from runner import environments, indexes, inline
from runner.environments import Environments
from runner.errors import ScriptError
from runner.isolation import choose
from tests.scripts import Runs, need_bubblewrap, text


def wheel(folder: Path, name: str, value: int, size: int = 0) -> None:
    """A tiny package whose module has the value."""
    about = f"{name}-1.{value}.dist-info"
    files = {
        f"{name}.py": f"VALUE = {value}\n" + "#" * size,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.{value}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-1.{value}-py3-none-any.whl", "w") as file:
        for path, content in files.items():
            file.writestr(path, content)


@pytest.fixture(scope="module")
def configured() -> list[tuple[str, str]]:
    """What pip is configured with; asking it takes longer than uv does."""
    return list(indexes._configured())


@pytest.fixture
def wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: list[tuple[str, str]]
) -> Iterator[Path]:
    """A folder that is the only place where packages come from."""
    monkeypatch.setattr(indexes, "_configured", lambda: iter(configured))
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "tinypkg", 1)
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    environments._indexes.cache_clear()
    yield folder
    environments._indexes.cache_clear()


def declared(*needs: str, python: str = ">=3.11") -> str:
    """The block of a script."""
    names = ", ".join(f'"{name}"' for name in needs)
    return f'# /// script\n# requires-python = "{python}"\n# dependencies = [{names}]\n# ///\n'


def of(folder: Path, most_bytes: int = 1 << 40, seconds: float = 60) -> Environments:

    python = choose(Runner(isolation="none")).python
    return Environments(folder / "environments", python, most_bytes, seconds)


def built(environments_: Environments, source: str) -> Path:
    with environments_.of(source, Event()) as environment:
        assert environment
        return environment


USE = "import tinypkg; output(tinypkg.VALUE)"


def test_a_script_imports_what_it_declares(wheels, tmp_path):
    run = Runs(tmp_path, isolation="none")

    ended = run(declared("tinypkg") + USE)

    assert text(ended) == "1\n", ended.error


def test_a_script_imports_what_it_declares_in_a_sandbox(wheels, tmp_path):
    need_bubblewrap()
    run = Runs(tmp_path, isolation="bubblewrap")
    source = declared("tinypkg") + "import sys, tinypkg; output(tinypkg.VALUE); output(sys.prefix)"

    ended = run(source)

    assert ended.status == "completed", ended.error
    value, prefix = text(ended).splitlines()
    assert value == "1"
    assert prefix.startswith(str(tmp_path / "data/environments"))
    assert run(source).status == "completed"


def test_an_environment_is_made_once_and_keeps_its_lock(wheels, tmp_path):
    own = of(tmp_path)
    first = built(own, declared("tinypkg"))
    wheel(wheels, "tinypkg", 2)

    again = built(own, f"print('another script')\n{declared('tinypkg')}")
    other = built(own, declared("tinypkg>=1.2"))

    assert first == again != other
    assert next(first.rglob("tinypkg-*")).name == "tinypkg-1.1.dist-info"
    assert next(other.rglob("tinypkg-*")).name == "tinypkg-1.2.dist-info"


def test_an_environment_that_was_cleaned_away_comes_back_as_it_was(wheels, tmp_path):
    first = built(of(tmp_path), declared("tinypkg"))
    wheel(wheels, "tinypkg", 2)

    of(tmp_path, most_bytes=1).clean()
    assert not first.exists()
    again = built(of(tmp_path), declared("tinypkg"))

    assert next(again.rglob("tinypkg-*")).name == "tinypkg-1.1.dist-info"


def test_the_longest_unused_goes_first_and_what_is_in_use_stays(wheels, tmp_path):
    wheel(wheels, "other", 1)
    wheel(wheels, "third", 1)
    own = of(tmp_path)
    old, used, new = (built(own, declared(name)) for name in ("tinypkg", "other", "third"))
    for age, path in ((300, old), (200, used), (100, new)):
        os.utime(path, (path.stat().st_mtime - age,) * 2)

    with own.of(declared("other"), Event()):
        of(tmp_path, most_bytes=1).clean()

        assert used.exists()
    assert not old.exists()
    assert not new.exists()


def test_two_runs_make_it_once(wheels, tmp_path, monkeypatch):
    calls: list[str] = []
    really = Environments._uv

    def counted(self, arguments, environment, stop):
        calls.append(arguments[0])
        really(self, arguments, environment, stop)

    monkeypatch.setattr(Environments, "_uv", counted)
    own = of(tmp_path)

    threads = [threading.Thread(target=built, args=(own, declared("tinypkg"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert calls == ["lock", "sync"]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (declared("no-such-package"), "no-such-package was not found"),
        (declared("tinypkg", python=">=4"), ">=4"),
        (declared("tinypkg>"), "tinypkg>"),
    ],
)
def test_what_cannot_be_resolved_is_the_error_of_the_run(wheels, tmp_path, block, words):
    ended = Runs(tmp_path, isolation="none")(block)

    assert (ended.status, ended.exit_code) == ("error", None)
    assert ended.error.startswith("uv could not prepare what the script imports:\n")
    assert words in ended.error
    assert text(ended) == f"{ended.error}\n"


def test_a_source_distribution_is_not_built_unless_allowed(wheels, tmp_path):
    (wheels / "tinypkg-1.1-py3-none-any.whl").unlink()
    (wheels / "tinypkg-1.1.tar.gz").write_bytes(b"")

    with pytest.raises(ScriptError, match="tinypkg"):
        built(of(tmp_path), declared("tinypkg"))


def test_making_an_environment_can_be_stopped_and_takes_no_longer_than_it_may(wheels, tmp_path):
    stop = Event()
    stop.set()

    with pytest.raises(TemporaryError), of(tmp_path).of(declared("tinypkg"), stop):
        pass
    with pytest.raises(ScriptError, match=r"ended after 0\.01 seconds"):
        built(of(tmp_path, seconds=0.01), declared("tinypkg"))


def test_a_script_without_a_block_needs_no_uv(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "_uv_binary", None)

    with of(tmp_path).of("print('hello')", Event()) as environment:
        assert environment is None


# --- the block


def test_the_block_is_read_as_specified():
    source = (
        "#!/usr/bin/env python3\n# /// other\n# x\n# ///\n\n"
        '# /// script\n# dependencies = [\n#   "a",\n#\n# ]\n# ///\nprint("# /// script")\n'
    )

    assert inline.block(source) == 'dependencies = [\n  "a",\n\n]\n'
    assert inline.block(source.replace("\n", "\r\n")) == inline.block(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (f"{declared('a')}\n{declared('a')}", "two blocks"),
        ("# /// script\n# x = \n# ///\n", "no TOML"),
        ('# /// script\n# dependencies = "a"\n# ///\n', "dependencies: expected a list"),
        ("# /// script\n# requires-python = 3.11\n# ///\n", "requires-python: expected a text"),
    ],
)
def test_a_block_that_is_wrong_says_what(source, words):
    with pytest.raises(ScriptError, match=words):
        inline.block(source)


@pytest.mark.parametrize(
    "source", ["", "# /// script\n", "# /// script\nx\n# ///\n", "#/// script\n"]
)
def test_what_is_no_block_is_none(source):
    assert inline.block(source) == ""


def test_uv_looks_where_pip_does_and_learns_no_secret(tmp_path, monkeypatch):
    conf = tmp_path / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://one.example/simple\n"
        "extra-index-url = https://two.example/simple\n  https://three.example/simple\n"
        "find-links = /a\n  /b\n[install]\nindex-url = https://four.example/simple\n"
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(conf))
    monkeypatch.setenv("PIP_CERT", "/cert.pem")

    told = indexes.environment(
        {"PATH": "/bin", "POSTROOM_SECRET_KEY": "x", "UV_FIND_LINKS": "/mine", "HTTPS_PROXY": "p"}
    )

    assert "POSTROOM_SECRET_KEY" not in told
    assert (told["UV_DEFAULT_INDEX"], told["UV_FIND_LINKS"]) == (
        "https://four.example/simple",
        "/mine",
    )
    assert told["UV_INDEX"] == "https://two.example/simple https://three.example/simple"
    assert (told["SSL_CERT_FILE"], told["HTTPS_PROXY"]) == ("/cert.pem", "p")
