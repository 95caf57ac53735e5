"""CURVE: who has an allowed key gets in, nobody else does, and keys are nobody else's to read."""

import logging
import threading
from concurrent.futures import wait

import pytest
import zmq

from postroom import wire
from postroom.errors import CredentialError, SettingsError
from postroom.sockets import ClientKeys, Lanes, ServerKeys, keys
from tests.servers.small_master import SmallMaster
from tests.waiting import wait_until

HELLO = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "keys"
    keys.create(made, "laptop")
    return made


def client(folder, name="laptop"):
    return ClientKeys.load(folder / f"{name}.key_secret", folder / "server.key")


def foreign(folder):
    public, secret = zmq.curve_keypair()
    return ClientKeys(public, secret, client(folder).server)


def test_only_an_allowed_key_gets_in(folder, caplog):
    caplog.set_level(logging.WARNING)
    stop = threading.Event()
    known = {"allowed": client(folder), "foreign": foreign(folder), "none": None}
    with SmallMaster(keys=ServerKeys.load(folder)) as master:
        lanes = {
            name: Lanes(master.address, lanes=1, reconnect_seconds=1, keys=own, stop=stop)
            for name, own in known.items()
        }
        answers = {name: lane.submit(HELLO) for name, lane in lanes.items()}

        assert answers["allowed"].result(10).epoch == 1
        wait_until(lambda: caplog.text.count("it does not accept our key") == 2)
        assert not wait([answers["foreign"], answers["none"]], 1).done
        assert len(master.seen) == 1
        for lane in lanes.values():
            lane.close()


def test_a_key_that_comes_or_goes_is_known_without_a_restart(folder):
    stop = threading.Event()
    with SmallMaster(keys=ServerKeys.load(folder)) as master:
        keys.create(folder, "desktop")
        master.look()
        late = Lanes(master.address, lanes=1, keys=client(folder, "desktop"), stop=stop)
        assert late.ask(HELLO).epoch == 1
        late.close()

        (folder / "clients" / "desktop.key").unlink()
        master.look()
        gone = Lanes(master.address, lanes=1, keys=client(folder, "desktop"), stop=stop)
        assert not wait([gone.submit(HELLO)], 1).done
        gone.close()


def test_secrets_are_readable_by_their_owner_alone(folder):
    secrets = sorted(file.name for file in folder.glob("*.key_secret"))

    assert secrets == ["laptop.key_secret", "server.key_secret"]
    assert {file.stat().st_mode & 0o777 for file in folder.glob("*.key_secret")} == {0o600}
    assert [file.name for file in (folder / "clients").iterdir()] == ["laptop.key"]
    assert "secret-key" not in (folder / "clients" / "laptop.key").read_text()


def test_a_secret_never_shows(folder):
    secret = client(folder).secret.decode()

    assert secret not in repr(client(folder))
    own = ServerKeys.load(folder)
    assert own
    assert own.secret.decode() not in repr(own)


@pytest.mark.parametrize("name", ["laptop", "server"])
def test_a_secret_that_others_can_read_is_refused_with_the_remedy(folder, name):
    file = folder / f"{name}.key_secret"
    file.chmod(0o640)

    with pytest.raises(CredentialError, match=f"chmod 600 {file}"):
        client(folder) if name == "laptop" else ServerKeys.load(folder)


def test_files_that_are_no_keys_are_refused(folder):
    (folder / "clients" / "laptop.key").chmod(0o600)
    with pytest.raises(CredentialError, match=r"name the \.key_secret file"):
        ClientKeys.load(folder / "clients" / "laptop.key", folder / "server.key")
    with pytest.raises(CredentialError, match="python -m master keys new"):
        ClientKeys.load(folder / "nobody.key_secret", folder / "server.key")


def test_a_public_key_may_be_read_by_all(folder):
    (folder / "clients" / "laptop.key").chmod(0o644)
    assert client(folder)


def test_new_keys_never_replace_old_ones(folder):
    before = (folder / "server.key_secret").read_text()

    written = keys.create(folder, "desktop")

    assert [file.name for file in written] == ["desktop.key_secret", "desktop.key"]
    assert (folder / "server.key_secret").read_text() == before
    with pytest.raises(SettingsError, match="exists"):
        keys.create(folder, "laptop")


@pytest.mark.parametrize("name", ["../evil", "a b", "", "a/b", "server", "."])
def test_a_name_of_a_key_never_becomes_a_path(tmp_path, name):
    if not name:
        assert len(keys.create(tmp_path, name)) == 2
        return
    with pytest.raises(SettingsError):
        keys.create(tmp_path, name)


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::", "192.168.1.5", "127.evil.com", "mail.lan"])
def test_beyond_this_machine_the_master_refuses_to_work_without_keys(tmp_path, folder, host):
    with pytest.raises(SettingsError, match="python -m master keys new"):
        keys.need_keys_off_loopback(host, ServerKeys.load(tmp_path), tmp_path)
    keys.need_keys_off_loopback(host, ServerKeys.load(folder), folder)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_on_this_machine_the_master_needs_no_keys(tmp_path, host):
    keys.need_keys_off_loopback(host, None, tmp_path)
