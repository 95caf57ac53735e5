"""Secrets: given to who names them, masked in all that comes out."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.secrets import Mask, Stream
from tests.scripts import Runs, text


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    return Runs(tmp_path, isolation="none")


SECRET = "hunter2/+ü secret"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    folder = tmp_path / "data" / "secrets"
    folder.mkdir(parents=True)
    (folder / "KEY").write_text(f"{SECRET}\n")
    (folder / "KEY").chmod(0o600)
    return SECRET


def test_a_secret_is_given_to_who_names_it_alone(run, secret):
    source = "import os; output(context.secrets['KEY'][::-1]); output(sorted(os.environ))"

    assert text(run(source, secrets=("KEY",))).startswith(secret[::-1])
    assert "KeyError: 'KEY: not among the secrets" in run(source).error


def test_a_secret_may_come_from_the_environment(run, monkeypatch):
    monkeypatch.setenv("POSTROOM_SECRET_TOKEN", "from the environment")

    ended = run("output(context.secrets['token'].upper())", secrets=("token",))

    assert text(ended) == "FROM THE ENVIRONMENT\n"


def test_a_secret_is_on_no_command_line_in_no_environment_and_no_file(run, secret):
    ended = run(
        """
        import os, pathlib
        told = context.secrets["KEY"].encode()
        at = pathlib.Path(__file__).parent.parent
        for path in [*pathlib.Path("/proc").glob("[0-9]*/cmdline"),
                     *pathlib.Path("/proc").glob("[0-9]*/environ"),
                     *(path for path in at.rglob("*") if path.is_file())]:
            try:
                if told in path.read_bytes():
                    output(path)
            except OSError:
                pass
        """,
        secrets=("KEY",),
    )

    assert (ended.status, ended.output) == ("completed", None)


@pytest.mark.parametrize(
    "shown",
    [
        "s",
        "urllib.parse.quote(s)",
        "urllib.parse.quote(s, safe='')",
        "urllib.parse.quote_plus(s)",
        "base64.b64encode(s.encode()).decode()",
        "base64.urlsafe_b64encode(('user:' + s).encode()).decode()",
        "base64.b64encode(('us:' + s + '!').encode()).decode()",
        "s.encode().hex()",
        "json.dumps(s)",
        "repr(s)",
    ],
)
def test_a_secret_is_masked_in_log_error_output_and_artefacts(run, secret, shown):
    ended = run(
        f"""
        import base64, json, sys, urllib.parse
        s = context.secrets["KEY"]
        shown = {shown}
        print("out", shown)
        print("err", shown, file=sys.stderr)
        output("output " + shown)
        output.file("artefact", shown)
        raise ValueError(shown)
        """,
        secrets=("KEY",),
    )

    artefact, partial = sorted(ended.artefacts)
    told = [run.printed, run.log["err"].decode(), ended.error, text(ended), artefact.read_text()]
    for each in [*told, partial.read_text()]:
        assert "***" in each
        assert not any(form in each for form in forms(secret))


def forms(value: str) -> list[str]:
    """What must be nowhere; of base64 the middle, which no offset changes."""
    plain = value.encode()
    middles = [base64.b64encode(b"x" * n + plain).decode()[4:-4] for n in range(3)]
    return [value, quote(value), quote(value, safe=""), plain.hex(), *middles]


@given(st.data())
def test_a_secret_is_masked_wherever_the_log_is_cut(data):
    values = data.draw(st.lists(st.text("abé\n", min_size=4, max_size=9), min_size=1, max_size=2))
    told = data.draw(st.lists(st.sampled_from([*values, "a", "b", "é", " "]), max_size=8))
    whole = "".join(told).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    stream = Stream(Mask(values))

    edges = zip([0, *cuts], [*cuts, len(whole)], strict=True)
    masked = b"".join(stream.feed(whole[start:end]) for start, end in edges) + stream.end()

    for value in values:
        assert value.encode() not in masked
    if not any(value.encode() in whole for value in values):
        assert Mask(values).bytes(whole) == masked


def test_the_live_log_holds_back_only_what_may_be_a_secret():
    stream = Stream(Mask(["hunter2secret"]))

    assert stream.feed(b"all of this and hunt") == b"all of this and "
    assert stream.feed(b"er2secret!") == b"***!"
    assert stream.feed(b"hunter") == b""
    assert stream.end() == b"hunter"


@pytest.mark.parametrize(
    ("content", "mode", "error"),
    [
        ("abc", 0o600, "secret KEY: shorter than 4 characters"),
        ("long enough", 0o644, "chmod 600"),
        (None, 0, "secret KEY: not there: put it in the file"),
    ],
)
def test_a_secret_that_cannot_be_used_is_a_sentence(run, tmp_path, content, mode, error):
    if content:
        (tmp_path / "data/secrets").mkdir(parents=True)
        (tmp_path / "data/secrets/KEY").write_text(content)
        (tmp_path / "data/secrets/KEY").chmod(mode)

    ended = run("pass", secrets=("KEY",))

    assert (ended.status, ended.exit_code) == ("error", None)
    assert error in ended.error
    assert text(ended) == f"{ended.error}\n"


def test_a_secret_is_no_path(run):
    assert "a name has letters" in run("pass", secrets=("../KEY",)).error
