"""A house in which all works, by every connection that there is: the doctor finds nothing bad."""

import pytest

from tests.chain.conftest import account
from tests.servers.commands import run
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.long


def test_nothing_is_bad_where_nothing_is_broken(daemons, dovecot, swift, rabbit) -> None:
    with SmtpServer() as smtp:
        mail = {"server": smtp.host, "port": smtp.port, "tls": "none"}
        sections = {
            "storage": {"mails": "s3", "files": "s3"},
            "storage s3": {
                "bucket": swift.bucket,
                "endpoint": swift.endpoint,
                "region": "us-east-1",
            },
            "alarms": {"to": "ann@example.org", "sender": "us@example.org", "disk_percent": 0},
            "digest": mail,
            "runner": {"queue": rabbit.fresh_url(), "isolation": "none"},
        }
        shop = account(dovecot, "home", source="pop3", port=dovecot.ports.pop3s)
        house = daemons({"work": account(dovecot), "shop": shop}, sections)
        (house.folder / "config.ini").chmod(0o600)
        house.start("api", "master")

        done = run(house.folder, "postroom", "doctor", seconds=150)

    assert done.returncode == 0, done.stdout + done.stderr
    for name in (
        "mailbox work",
        "mailbox shop",
        "master",
        "storage",
        "queue",
        "alarms",
        "database",
    ):
        assert any(line.startswith("ok ") and f": {name}: " in line
                   for line in done.stdout.splitlines()), done.stdout  # fmt: skip
