"""The POP3 source against a real Dovecot."""

from collections.abc import Iterator

import pytest

from postroom.errors import CredentialError, SettingsError, SourceError, TemporaryError
from provider.sources import load
from provider.sources.pop3 import Pop3Source
from provider.sources.pop3.options import Pop3Options
from tests.chain.mails import mails
from tests.servers.dovecot import Dovecot
from tests.stubs.rig import Rig, pop3
from tests.waiting import wait_until


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


def test_all_mails_arrive_byte_for_byte_and_are_left_there(rig: Rig, dovecot: Dovecot):
    raws = mails(30)
    dovecot.deliver("work", raws)

    assert rig.once(pop3(dovecot))

    assert rig.master.raws() == sorted(raws)
    assert len(dovecot.uids("work")) == 30
    assert rig.master.receipts[-1].listed == 30


def test_a_second_pass_fetches_nothing(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", mails(5))
    rig.once(pop3(dovecot))

    assert rig.once(pop3(dovecot))

    assert len(rig.master.pushed()) == 5
