"""[storage s3]: what must be mended is said with its key; secrets stay unsaid."""

import hashlib
import logging
import os
import re
import ssl
import subprocess
import sys

import pytest

from postroom.errors import SettingsError, TemporaryError
from postroom.settings import Config
from postroom.storage import (
    open_files,
    open_mails,
    s3_options,
)
from tests.servers.dovecot import make_certificate
from tests.servers.scripted_s3 import Mood, ScriptedS3
from tests.servers.swift import SECRET_KEY

MEGABYTE = 1024 * 1024
KEY = hashlib.sha256(b"body").hexdigest()


# --- settings


def test_mails_and_files_lie_apart_in_one_bucket(swift, write, tmp_path):
    config = write(swift.section(f"/{tmp_path.name}/"))
    mails, files = open_mails(config), open_files(config)
    mails.put_many([(KEY, b"body")])
    files.put_many([(f"pages/p/{KEY}/a.pdf", b"body")])

    assert swift.names(tmp_path.name) == [
        f"{tmp_path.name}/files/.postroom-store",
        f"{tmp_path.name}/files/pages/p/{KEY}/a.pdf",
        f"{tmp_path.name}/mails/.postroom-store",
        f"{tmp_path.name}/mails/{KEY}",
    ]
    assert [entry.key for entry in mails.list()] == [KEY]
    assert mails.id != files.id
    assert mails.url(KEY) == f"{swift.endpoint}/{swift.bucket}/{tmp_path.name}/mails/{KEY}"
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
