"""What only S3 has: its errors, parts, addresses that open, and servers that know less."""

import hashlib
import logging
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from botocore.exceptions import ClientError

from postroom import settings
from postroom.errors import SettingsError, TemporaryError
from postroom.settings import Config
from postroom.storage import (
    BadKeyError,
    ObjectDamagedError,
    Presigning,
    open_files,
    open_mails,
    s3_bucket,
    s3_client,
    s3_options,
)
from postroom.storage.s3 import S3Storage
from postroom.storage.s3_errors import LONGEST_PAUSE_SECONDS, translation
from tests.servers.dovecot import make_certificate
from tests.servers.scripted_s3 import Mood, ScriptedS3
from tests.servers.swift import SECRET_KEY, Swift

MEGABYTE = 1024 * 1024
KEY = hashlib.sha256(b"body").hexdigest()

Opener = Callable[..., S3Storage]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], settings.Config]:
    def write(text: str) -> settings.Config:
        file = tmp_path / "config.ini"
        file.write_text("[storage]\nmails = s3\nfiles = s3\n" + text)
        return settings.load(file)

    return write


@pytest.fixture
def opened(write, tmp_path) -> Iterator[Opener]:
    """Open the mails' store of a server."""
    stores: list[S3Storage] = []

    def opened(server: Swift | ScriptedS3, **options: str) -> S3Storage:
        if isinstance(server, Swift):
            text = server.section(tmp_path.name, **options)
        else:
            lines = {"endpoint": server.endpoint, "bucket": "b", **options}
            text = "[storage s3]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())
        store = open_mails(write(text))
        assert isinstance(store, S3Storage)
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def scripted(monkeypatch) -> Iterator[ScriptedS3]:
    monkeypatch.setenv("POSTROOM_S3_ACCESS_KEY", "any")
    monkeypatch.setenv("POSTROOM_S3_SECRET_KEY", "any")
    server = ScriptedS3()
    yield server
    server.close()


def found(swift: Swift, prefix: str = "") -> list[str]:
    listed = swift.client.list_objects_v2(Bucket=swift.bucket, Prefix=prefix)
    return [told["Key"] for told in listed.get("Contents", [])]


def uploads(swift: Swift, prefix: str) -> list[str]:
    listed = swift.client.list_multipart_uploads(Bucket=swift.bucket, Prefix=prefix)
    return [told["Key"] for told in listed.get("Uploads", [])]


# --- settings


def test_mails_and_files_lie_apart_in_one_bucket(swift, write, tmp_path):
    config = write(swift.section(f"/{tmp_path.name}/"))
    mails, files = open_mails(config), open_files(config)
    mails.put_many([(KEY, b"body")])
    files.put_many([(f"pages/p/{KEY}/a.pdf", b"body")])

    assert found(swift, tmp_path.name) == [
        f"{tmp_path.name}/files/.postroom-store",
        f"{tmp_path.name}/files/pages/p/{KEY}/a.pdf",
        f"{tmp_path.name}/mails/.postroom-store",
        f"{tmp_path.name}/mails/{KEY}",
    ]
    assert [entry.key for entry in mails.list()] == [KEY]
    assert mails.id != files.id
    assert mails.url(KEY) == f"{swift.endpoint}/postroom/{tmp_path.name}/mails/{KEY}"
    for store in (mails, files):
        store.close()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "bucket: missing"),
        ("bucket = a/b", "bucket: Parameter validation failed:\nInvalid bucket"),
        ("bucket = b\nendpoint = s3.example.org", "endpoint: expected https://HOST"),
        ("bucket = b\nendpoint = https://me:secret@s3.example.org", "endpoint: expected https"),
        ("bucket = b\nprefix = a/../b", "prefix: a key must be a relative path"),
        ("bucket = b\nkms_key = k", "kms_key: is for encryption = aws:kms"),
        ("bucket = b\npart_megabytes = 4", "part_megabytes: found '4', expected a whole number"),
        ("bucket = b\nca_file = missing.pem", "ca_file: .*missing.pem: no certificates"),
        ("bucket = b\nca_file = config.ini", "ca_file: .*config.ini: no certificates"),
        ("bucket = b\nsecret = x", "secret: unknown key"),
    ],
)
def test_a_wrong_setting_is_named(write, scripted, lines, said):
    endpoint = "" if "endpoint" in lines else f"endpoint = {scripted.endpoint}\n"
    with pytest.raises(SettingsError, match=rf"config\.ini: \[storage s3\] ({said})"):
        open_mails(write(f"[storage s3]\n{endpoint}{lines}\n"))


@pytest.mark.parametrize("variable", ["POSTROOM_S3_ACCESS_KEY", "POSTROOM_S3_SECRET_KEY"])
def test_half_a_pair_of_keys_is_refused(scripted, opened, monkeypatch, variable):
    monkeypatch.delenv(variable)
    with pytest.raises(SettingsError, match=f"belong together: set {variable}"):
        opened(scripted)


def test_without_any_keys_that_is_what_is_said(scripted, opened, monkeypatch, tmp_path):
    for name in [name for name in os.environ if re.match("AWS_|POSTROOM_S3_", name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SettingsError, match="access_key_file: there are no keys for S3"):
        opened(scripted)


def test_keys_come_from_private_files_and_only_from_those(swift, opened, monkeypatch, tmp_path):
    for name in ("ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.delenv(f"POSTROOM_S3_{name}")
    (tmp_path / "access").write_text(swift.access_key + "\n")
    (tmp_path / "secret").write_text(swift.secret_key + "\n")
    files = {"access_key_file": "access", "secret_key_file": "secret"}
    (tmp_path / "access").chmod(0o600)
    (tmp_path / "secret").chmod(0o644)

    with pytest.raises(SettingsError, match=r"secret: its mode 0644 .* chmod 600 "):
        opened(swift, **files)
    (tmp_path / "secret").chmod(0o600)

    assert opened(swift, **files).id


def test_keys_where_boto3_looks_are_found(swift, opened, monkeypatch):
    for name, value in (("ACCESS_KEY_ID", swift.access_key), ("SECRET_ACCESS_KEY", SECRET_KEY)):
        monkeypatch.setenv(f"AWS_{name}", value)
    for name in ("ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.delenv(f"POSTROOM_S3_{name}")
    assert opened(swift).id


# --- what must be mended


def test_a_wrong_secret_is_said_with_the_setting_to_look_at(swift, opened, monkeypatch):
    monkeypatch.setenv("POSTROOM_S3_SECRET_KEY", "not-the-one")
    with pytest.raises(SettingsError, match="secret_key_file: the secret key does not belong") as e:
        opened(swift)
    assert "not-the-one" not in str(e.value)


def test_a_missing_bucket_is_said(swift, opened):
    with pytest.raises(SettingsError, match=r"bucket: there is no bucket 'nowhere': create it"):
        opened(swift, bucket="nowhere")


def test_encryption_that_the_server_cannot_do_is_said(swift, opened):
    with pytest.raises(SettingsError, match="encryption: the server cannot do this"):
        opened(swift, encryption="AES256")


def test_encryption_that_a_server_passes_over_is_noticed(scripted, opened):
    with pytest.raises(SettingsError, match="encryption: the server does not encrypt by AES256"):
        opened(scripted, encryption="AES256")
    assert scripted.objects == {}


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "RequestTimeTooSkewed", "endpoint: this machine's clock .*: set the clock"),
        (403, "InvalidAccessKeyId", "access_key_file: S3 does not know this access key"),
        (403, "AccessDenied", "access_key_file: the access key may not do this: allow it to get"),
        (400, "AuthorizationHeaderMalformed", "region: the bucket 'b' is in another region"),
        (405, "MethodNotAllowed", "bucket: S3 refuses: .*MethodNotAllowed"),
    ],
)
def test_a_refusal_says_what_to_mend(scripted, opened, status, code, said):
    store = opened(scripted)
    scripted.moods = [Mood("GET", status, code)] * 2

    # A daemon that runs waits until it is mended.
    with pytest.raises(TemporaryError, match=said.partition(": ")[2]) as waiting:
        store.get(KEY)
    assert waiting.value.after == 60
    with pytest.raises(SettingsError, match=rf"\[storage s3\] {said}"):
        opened(scripted)


def test_a_certificate_of_nobody_known_is_refused_and_may_be_named(monkeypatch, opened, tmp_path):
    monkeypatch.setenv("POSTROOM_S3_ACCESS_KEY", "any")
    monkeypatch.setenv("POSTROOM_S3_SECRET_KEY", "any")
    make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = ScriptedS3(context)
    try:
        with pytest.raises(SettingsError, match="ca_file: the server's certificate cannot be"):
            opened(server)
        assert opened(server, ca_file="cert.pem").id
    finally:
        server.close()


# --- what passes


def test_a_throttled_request_waits_as_long_as_the_server_asks(scripted, opened):
    store = opened(scripted)
    scripted.moods = [Mood("GET", 503, "SlowDown", {"Retry-After": "17"})] * s3_client.ATTEMPTS
    with pytest.raises(TemporaryError, match="S3 asks to come again") as e:
        store.get(KEY)
    assert (e.value.after, scripted.moods) == (17, [])


@pytest.mark.parametrize(
    ("told", "after"),
    [
        ("9999999", LONGEST_PAUSE_SECONDS),
        ("0", 1),
        (formatdate(time.time() + 600, usegmt=True), pytest.approx(600, abs=60)),
        (formatdate(0, usegmt=True), 1),
        ("soon", 5),
        ("", 5),
    ],
)
def test_retry_after_is_a_number_or_a_date_within_bounds(told, after):
    headers = {"retry-after": told} if told else {}
    response: Any = {"ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": headers}}
    error = translation(ClientError(response, "GetObject"), "b", KEY)
    assert isinstance(error, TemporaryError)
    assert error.after == after


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_what_fails_once_is_tried_again(scripted, opened, status):
    store = opened(scripted)
    scripted.moods = [Mood("PUT", status, "Any")]
    store.put_many([(KEY, b"body")])
    assert store.get(KEY) == b"body"


def test_a_put_whose_answer_was_lost_is_found_to_be_there(scripted, opened):
    store = opened(scripted)
    scripted.moods = [Mood("PUT", stored=True, cut=0)]
    store.put_many([(KEY, b"body")])
    assert scripted.objects[f"mails/{KEY}"] == b"body"


def test_a_server_that_does_not_answer_is_not_waited_for_long(scripted, opened):
    store = opened(scripted, timeout_seconds="0.1")
    scripted.going.clear()
    with pytest.raises(TemporaryError, match="S3 cannot be reached"):
        store.put_many([(KEY, b"body")])


def test_a_server_that_is_away_is_no_mistake_in_the_settings(swift, opened, free_port):
    with pytest.raises(TemporaryError, match="S3 cannot be reached: Could not connect"):
        opened(swift, endpoint=f"http://127.0.0.1:{free_port}")


def test_the_server_may_die_while_objects_are_on_their_way(swift, opened, tmp_path):
    store = opened(swift)
    body = os.urandom(6 * MEGABYTE)
    with store.open_write("a") as first, store.open_write("b") as second:
        first.write(body)
        second.write(body)
        with swift.down():
            with pytest.raises(TemporaryError, match="S3 cannot be reached"):
                first.write(body)
            with pytest.raises(TemporaryError, match="S3 cannot be reached"):
                second.commit()
        second.commit()

    assert [entry.key for entry in store.list()] == ["b"]
    assert store.get("b") == body
    assert uploads(swift, tmp_path.name) == []
    store.put_many([("a", body)])
    assert store.get("a") == body


def test_a_stream_goes_on_where_the_connection_broke(scripted, opened):
    store = opened(scripted)
    body = os.urandom(3 * MEGABYTE)
    store.put_many([("large", body)])
    scripted.moods = [Mood("GET", cut=MEGABYTE), Mood("GET", cut=MEGABYTE)]

    with store.open_read("large") as stream:
        assert stream.read() == body

    ranges = [asked.headers["Range"] for asked in scripted.asked if "Range" in asked.headers]
    assert len(ranges) == 2
    assert all(asked.headers.get("If-Match", scripted.etag(body)) for asked in scripted.asked)


def test_a_stream_that_breaks_without_a_byte_is_given_up(scripted, opened):
    store = opened(scripted)
    store.put_many([("large", bytes(MEGABYTE))])
    scripted.moods = [Mood("GET", cut=0)] * 3
    with store.open_read("large") as stream, pytest.raises(TemporaryError, match="large: "):
        stream.read()


# --- proof


def test_what_arrives_otherwise_is_not_kept(scripted, opened):
    store = opened(scripted)
    scripted.spoils = True
    with pytest.raises(TemporaryError, match="S3 holds other bytes than were sent"):
        store.put_many([(KEY, b"body")])
    assert list(scripted.objects) == ["mails/.postroom-store"]


def test_what_no_answer_proves_is_read_back(scripted, opened):
    store = opened(scripted)
    scripted.etags = False
    scripted.asked.clear()

    store.put_many([(KEY, b"body")])

    assert scripted.methods() == ["PUT", "GET"]
    assert store.get(KEY) == b"body"


def test_other_bytes_than_the_key_says_are_damage(scripted, opened):
    store = opened(scripted)
    store.put_many([(KEY, b"body")])
    scripted.objects[f"mails/{KEY}"] = b"b0dy"
    with pytest.raises(ObjectDamagedError, match="other bytes than the key says"):
        store.get(KEY)
    assert not store.verify(KEY)


@pytest.mark.parametrize("unknown", [set(), {"x-amz-checksum-sha256"}, {"if-none-match"},
                                     {"x-amz-checksum-sha256", "if-none-match"}])  # fmt: skip
def test_a_server_that_knows_less_keeps_what_is_there_as_well(scripted, opened, unknown):
    scripted.conditional = False
    scripted.unknown = unknown
    store = opened(scripted)

    store.put_many([("a", b"first")])
    store.put_many([("a", b"other")])

    assert store.get("a") == b"first"
    assert opened(scripted).id == store.id


def test_a_new_object_takes_one_request(scripted, opened):
    store = opened(scripted)
    scripted.asked.clear()
    store.put_many([(KEY, b"body")])
    assert scripted.methods() == ["PUT"]


# --- large objects


def test_twenty_megabytes_come_in_parts_and_byte_for_byte(swift, opened, tmp_path):
    store = opened(swift)
    body = os.urandom(20 * MEGABYTE + 1)
    with store.open_write("large", type="application/pdf", name="Отчёт.pdf") as writer:
        for start in range(0, len(body), 700_001):
            writer.write(body[start : start + 700_001])
        writer.commit()

    told = swift.client.head_object(Bucket=swift.bucket, Key=f"{tmp_path.name}/mails/large")
    assert store.get("large") == body
    assert told["ETag"].endswith('-5"')
    assert told["ContentType"] == "application/pdf"
    assert told["ContentDisposition"].endswith("; filename*=UTF-8''" + quote("Отчёт.pdf"))
    for start, length in (
        (5 * MEGABYTE - 3, 7), (0, 1), (19 * MEGABYTE, None), (20 * MEGABYTE + 1, 1), (7, 0),
    ):  # fmt: skip
        with store.open_read("large", start, length) as stream:
            assert stream.read() == body[start:][:length]


def test_a_very_large_object_is_touched_in_pieces(swift, opened, monkeypatch, tmp_path):
    monkeypatch.setattr(s3_bucket._COPYING, "multipart_threshold", 6 * MEGABYTE)
    monkeypatch.setattr(s3_bucket._COPYING, "multipart_chunksize", 5 * MEGABYTE)
    store = opened(swift)
    body = os.urandom(12 * MEGABYTE)
    with store.open_write("large", type="application/pdf") as writer:
        writer.write(body)
        writer.commit()
    swift.age(f"{tmp_path.name}/mails/large", 7200)

    with store.open_write("large") as writer:
        writer.commit()

    told = swift.client.head_object(Bucket=swift.bucket, Key=f"{tmp_path.name}/mails/large")
    assert store.get("large") == body
    assert told["ContentType"] == "application/pdf"
    assert told["LastModified"].timestamp() > time.time() - 600


def test_abandoned_uploads_go_when_a_store_is_opened_after_a_day(
    swift, opened, monkeypatch, tmp_path
):
    store = opened(swift)
    begin = swift.client.create_multipart_upload
    own, others = f"{tmp_path.name}/mails/large", f"{tmp_path.name}/else/large"
    for name in (own, others):
        begin(Bucket=swift.bucket, Key=name)
    opened(swift)
    assert uploads(swift, tmp_path.name) == [others, own]

    monkeypatch.setattr("postroom.storage.s3.ABANDONED_SECONDS", -60)
    opened(swift)

    assert uploads(swift, tmp_path.name) == [others]
    assert [entry.key for entry in store.list()] == []


def test_an_upload_that_was_given_up_meanwhile_begins_anew(swift, opened, monkeypatch):
    store = opened(swift)
    monkeypatch.setattr("postroom.storage.s3.ABANDONED_SECONDS", -60)
    with store.open_write("large") as writer:
        writer.write(bytes(6 * MEGABYTE))
        opened(swift)
        with pytest.raises(TemporaryError):
            writer.commit()
    assert [entry.key for entry in store.list()] == []


# --- keys and addresses


def test_a_key_that_its_prefix_makes_too_long_is_refused(swift, opened, tmp_path):
    store = opened(swift)
    room = 1024 - len(f"{tmp_path.name}/mails/")
    longest = "/".join(["x" * 200] * 5)[:room]
    with pytest.raises(BadKeyError, match="a key and its prefix have at most 1024 bytes"):
        store.put_many([(longest + "x", b"1")])
    store.put_many([(longest, b"1")])
    assert store.get(longest) == b"1"


def test_what_people_put_beside_the_objects_is_not_listed(swift, opened, tmp_path):
    store = opened(swift)
    store.put_many([("a", b"x")])
    for name in ("mails/", "mails/folder/", "mails//x", "mailsx", "other/x"):
        key = f"{tmp_path.name}/{name}"
        swift.client.put_object(Bucket=swift.bucket, Key=key, Body=b"theirs")
    assert [entry.key for entry in store.list()] == ["a"]


NAMES = ["report.pdf", "Отчёт за январь.pdf", 'a"b\\c/..\r\nX-Evil: 1', "100 % 日本.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_presigned_address_opens_the_object_under_its_name(swift, opened, name):
    store = opened(swift)
    store.put_many([(KEY, b"body")])
    assert isinstance(store, Presigning)

    answer = requests.get(store.presigned(KEY, name, "text/plain", seconds=60), timeout=10)

    assert (answer.status_code, answer.content) == (200, b"body")
    assert answer.headers["Content-Type"].startswith("text/plain")
    told = answer.headers["Content-Disposition"]
    assert told.partition("filename*=UTF-8''")[2] == quote(name, safe="")
    assert "X-Evil" not in answer.headers


def test_a_presigned_address_that_was_changed_opens_nothing(swift, opened):
    store = opened(swift)
    store.put_many([(KEY, b"body"), ("other", b"x")])
    good = store.presigned(KEY, seconds=60)

    for bad in (good.replace(KEY, "other"), good.replace("Expires=60", "Expires=6000")):
        assert bad != good
        assert requests.get(bad, timeout=10).status_code == 403
    # The object's own address opens nothing without a signature.
    assert requests.get(store.url(KEY), timeout=10).status_code in (400, 403)


# --- secrets, processes, start


def test_the_secret_is_in_no_log_and_no_repr(swift, opened, caplog, monkeypatch):
    with caplog.at_level(logging.DEBUG):
        store = opened(swift)
        store.put_many([(KEY, b"body")])
        monkeypatch.setenv("POSTROOM_S3_ACCESS_KEY", "wrong")
        with pytest.raises(SettingsError) as e:
            opened(swift)
    chain = [repr(e.value), repr(e.value.__cause__), repr(e.value.__context__)]

    assert len(caplog.records) > 10
    assert SECRET_KEY not in caplog.text + repr(store) + repr(vars(store)) + "".join(chain)
    assert SECRET_KEY not in repr(s3_options.keys(s3_options.S3Options(bucket="b"), Config()))


PUT = """
import sys
from pathlib import Path
from postroom import settings
from postroom.storage import open_mails
store = open_mails(settings.load(Path(sys.argv[1])))
for n in range(8):
    store.put_many([(f"{sys.argv[2]}/{n}", b"own"), (f"shared/{n}", sys.argv[2].encode())])
print(store.id)
"""


def test_two_processes_may_begin_a_store_and_write_at_once(swift, opened, tmp_path):
    (tmp_path / "config.ini").write_text("[storage]\nmails = s3\n" + swift.section(tmp_path.name))
    command = [sys.executable, "-c", PUT, str(tmp_path / "config.ini")]
    running = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in "ab"
    ]
    ids = {process.communicate(timeout=60)[0] for process in running}

    store = opened(swift)
    assert ids == {store.id + "\n"}
    keys = [entry.key for entry in store.list()]
    assert len(keys) == 24
    assert {store.get(f"shared/{n}") for n in range(8)} <= {b"a", b"b"}


def test_only_who_uses_s3_loads_boto3(tmp_path):
    code = (
        "import sys, api.__main__, master.__main__, master.worker, provider.__main__\n"
        "import postroom.storage.sqlite, postroom.storage.directory\n"
        "sys.exit(any(name.startswith('boto') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
