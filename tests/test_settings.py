"""Settings say what is wrong in one sentence, and the example shows what is true."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from master.sinks.directory import DirectoryOptions
from monitor.pages import PageOptions
from postroom import settings
from postroom.errors import PostroomError, SettingsError, TemporaryError
from postroom.settings import Api, Config, Log, Master, Options, Provider, Runner
from postroom.storage.s3_options import S3Options
from provider import sources

ROOT = Path(__file__).parent.parent


class Plug(Options, frozen=True):
    name: str
    idle: bool = True
    port: int | None = None
    folders: tuple[str, ...] = ("INBOX",)
    mode: Literal["a", "b"] = "a"
    ratio: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    table: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name == "nobody":
            raise ValueError("name: nobody is nobody's name")


@pytest.fixture
def ini(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        file = tmp_path / "config.ini"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def error(file: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        settings.load(file)
    return str(caught.value).removeprefix(f"{file}: ")


def test_without_a_file_all_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    config = settings.load()

    assert config.section("api", Api) == Api()
    assert config.named("mailbox") == {}
    assert config.path_of("data") == tmp_path / "data"
    assert config.shown == "config.ini"


def test_config_ini_of_the_current_folder_is_found(ini, tmp_path, monkeypatch):
    ini("[api]\nport = 5001")
    monkeypatch.chdir(tmp_path)

    config = settings.load()

    assert config.section("api", Api).port == 5001
    assert config.file == tmp_path / "config.ini"


def test_values_take_the_types_of_their_section(ini):
    file = ini("[master]\nsinks = api, directory\nworkers = 3\n[provider]\nreconnect_seconds = 2")

    config = settings.load(file)

    assert config.section("master", Master).sinks == ("api", "directory")
    assert config.section("master", Master).workers == 3
    assert config.section("provider", Provider).reconnect_seconds == 2.0


def test_paths_start_at_the_folder_of_the_file(ini, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")

    config = settings.load(ini("[api]"))

    assert config.path_of("data/x") == tmp_path / "data/x"
    assert config.path_of("/srv/x") == Path("/srv/x")
    assert config.path_of("~/x") == Path("/home/somebody/x")


def test_a_mailbox_keeps_the_keys_of_its_plug_in(ini):
    options = "name = n\nidle = no\nport = 1\nfolders = a,\n  b c\nmode = b"
    file = ini(f"[mailbox my work]\nsource = x\n{options}")

    raw = settings.load(file).named("mailbox")["my work"]

    assert raw.get("source") == "x"
    assert raw.get("nothing", "else") == "else"
    assert raw.convert(Plug) == Plug(name="n", idle=False, port=1, folders=("a", "b c"), mode="b")


def test_a_file_may_begin_with_a_byte_order_mark_and_have_percent_signs(ini):
    config = settings.load(ini(b"\xef\xbb\xbf[log]\r\nfile = 100%\r\n"))

    assert config.section("log", Log).file == "100%"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[api]\nport = x",
            "[api] port: found 'x', expected a whole number at least 1 and at most ",
        ),
        (
            "[api]\nport = 0",
            "[api] port: found '0', expected a whole number at least 1 and at most ",
        ),
        ("[api]\nport =", "[api] port: found '', expected a whole number"),
        (
            "[api]\nprot = 1",
            "[api] prot: unknown key: expected one of database, database_connections, ",
        ),
        ("[api]\nport = 1\nport = 2", "line 3: [api] port stands twice"),
        ("[api]\n[api]", "line 2: [api] stands twice"),
        ("[mailbox a]\n[mailbox  a]", "[mailbox a] stands twice"),
        ("[apu]", "[apu]: unknown section: expected one of alarms, api, "),
        ("[wholly else]", "[wholly else]: unknown section: expected one of alarms, api, "),
        ("[mailbox]", "[mailbox] needs a name, as in [mailbox work]"),
        ("[mailbox a/b]", "[mailbox a/b]: a name must not contain /"),
        ("port = 1", "line 1: expected a section"),
        ("[api]\nport", "line 2: expected `key = value`"),
        ("[log]\nlevel = loud", "[log] level: found 'loud', expected one of debug, error, info, "),
        ("[provider]\nresend_seconds = nan", "found 'nan', expected a number above 0"),
        ("[provider]\nresend_seconds = inf", "found 'inf', expected a number above 0"),
        (
            "[api]\nhost = a\n  port = 1",
            "(an indented line continues the line above it), expected ",
        ),
        (b"[api]\nhost = \xff", "byte 13 is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(ini, text, sentence):
    assert sentence in error(ini(text))


def test_the_error_names_the_file_first(ini):
    file = ini("[api]\nport = x")

    with pytest.raises(SettingsError, match=f"^{re.escape(str(file))}: "):
        settings.load(file)


def test_a_near_miss_is_pointed_out(ini):
    assert "did you mean port?" in error(ini("[api]\nprot = 1"))
    assert "did you mean api?" in error(ini("[apu]"))


def test_a_missing_file_points_at_the_example(tmp_path):
    assert "config.example.ini" in error(tmp_path / "nowhere.ini")


def test_a_folder_is_no_settings_file(tmp_path):
    assert error(tmp_path).endswith("cannot be read: Is a directory")


def test_a_secret_is_not_quoted_in_an_error(ini):
    text = error(ini("[api]\ntoken = pr_secret\n  more"))

    assert "pr_secret" not in text
    assert "not shown" in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("idle = no", "[mailbox a] name: missing: expected text in one line"),
        ("name = x\nidle = maybe", "idle: found 'maybe', expected yes or no"),
        ("name = x\nport = z", "port: found 'z', expected a whole number"),
        ("name = x\nratio = 1", "ratio: found '1', expected a number at least 0 and below 1"),
        ("name = x\nmode = c", "mode: found 'c', expected one of a, b"),
        ("name = x\ntable = c", "table: found 'c', expected another value"),
        ("name = x\nsurce = x", "surce: unknown key: expected one of "),
        ("name = nobody", "[mailbox a] name: nobody is nobody's name"),
    ],
)
def test_the_keys_of_a_plug_in_are_checked_by_its_own_types(ini, text, sentence):
    raw = settings.load(ini(f"[mailbox a]\n{text}")).named("mailbox")["a"]

    with pytest.raises(SettingsError, match=re.escape(sentence)):
        raw.convert(Plug)


@pytest.mark.parametrize("word", ["yes", "on", "TRUE", "1"])
def test_yes_has_several_words(ini, word):
    raw = settings.load(ini(f"[sink a]\nname = x\nidle = {word}")).named("sink")["a"]

    assert raw.convert(Plug).idle is True


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("fd00::1", "[fd00::1]"),
        ("mail.example.org", "mail.example.org"),
    ],
)
def test_clients_get_an_address_that_can_be_reached(host, reached):
    assert Api(host=host).base_url == f"http://{reached}:5000"
    assert Master(host=host).address == f"tcp://{reached}:5555"


def test_a_told_url_is_used_without_its_last_slash():
    assert Api(url="https://mail.example.org/").base_url == "https://mail.example.org"


def test_the_token_is_not_in_the_text_of_its_section():
    assert "pr_secret" not in repr(Api(token="pr_secret"))
    assert "guest:secret" not in repr(Runner(queue="amqp://guest:secret@localhost"))


# --- config.example.ini


def example(file: Path) -> Config:
    """The example with every commented setting switched on."""
    switched = re.sub(r"^#(?=\w+ =|\[)", "", (ROOT / "config.example.ini").read_text(), flags=re.M)
    file.write_text(switched)
    return settings.load(file)


def test_the_example_is_a_valid_configuration_as_it_stands():
    config = settings.load(ROOT / "config.example.ini")

    assert config.named("mailbox")["work"].get("source") == "imap"


@pytest.mark.parametrize("name", settings.SECTIONS)
def test_the_example_shows_every_setting_with_its_default(name, tmp_path):
    options = settings.SECTIONS[name]

    config = example(tmp_path / "config.ini")

    assert set(config.sections[name].values) == set(options.__struct_fields__)
    assert config.section(name, options) == options()


def test_the_example_shows_every_option_of_an_imap_mailbox(tmp_path):
    options = sources.load("imap").Options

    raw = example(tmp_path / "config.ini").named("mailbox")["work"]

    assert set(raw.values) == {*settings.NAMED["mailbox"], *options.__struct_fields__}
    # Without a port the way of TLS decides; the example shows the one of its default.
    assert raw.convert(options) == options(port=993)


def test_the_example_of_a_maildir_and_of_the_directory_sink_are_right(tmp_path):
    config = example(tmp_path / "config.ini")

    maildir = config.named("mailbox")["archive"]
    assert maildir.convert(sources.load(maildir.get("source")).Options).path
    assert config.named("sink")["directory"].convert(DirectoryOptions) == DirectoryOptions()


def test_the_example_shows_every_option_of_a_page_with_its_default(tmp_path):
    raw = example(tmp_path / "config.ini").named("page")["reports"]

    assert set(raw.values) == {*settings.NAMED["page"], *PageOptions.__struct_fields__}
    assert raw.convert(PageOptions) == PageOptions(url=raw.get("url"))


def test_the_example_shows_every_option_of_s3_with_its_default(tmp_path):
    raw = example(tmp_path / "config.ini").named("storage")["s3"]

    assert set(raw.values) == set(S3Options.__struct_fields__)
    assert raw.convert(S3Options) == S3Options(bucket="postroom")


def test_the_example_explains_every_setting():
    text = (ROOT / "config.example.ini").read_text()
    # The further mailboxes only show that there may be some.
    lines = re.sub(r"^#\[mailbox \w+\]\n(#.*\n)+", "", text, flags=re.M).splitlines()

    for above, line in pairwise(lines):
        if re.match(r"#?\w+ =", line):
            assert re.match("# [A-Z].*[.]$", above), f"no sentence above {line!r}"


def test_a_section_may_have_named_ones_beside_it(ini):
    config = settings.load(ini("[storage]\nmails = s3\n[storage s3]\nbucket = b"))

    assert list(config.named("storage")) == ["s3"]
    assert config.section("storage", settings.Storage).mails == "s3"


def test_what_cannot_work_with_a_setting_names_file_section_and_key(tmp_path: Path):
    config = Config(tmp_path / "config.ini")

    with (
        pytest.raises(SettingsError) as said,
        config.blaming("storage", "mails_path"),
    ):
        raise PostroomError("no such folder")

    assert str(said.value) == f"{config.file}: [storage] mails_path: no such folder"


def test_what_passes_is_no_mistake_in_the_settings():
    with pytest.raises(TemporaryError), Config().blaming("storage", "mails_path"):
        raise TemporaryError("the disk is full")


@pytest.mark.parametrize(
    ("database", "beside"),
    [("data/postroom.sqlite", "data"), ("postgresql://postroom@localhost/postroom", "data")],
)
def test_the_first_tokens_stand_beside_the_database(database, beside):
    assert Api(database=database).beside == beside


def test_a_line_of_the_log_must_be_one_that_python_can_write():
    assert Log(format="%(message)s").format == "%(message)s"
    with pytest.raises(ValueError, match="cannot be used"):
        Log(format="%(nobody)s")
