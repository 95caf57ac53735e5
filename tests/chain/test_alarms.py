"""Alarms by mail: the real API and a real runner, to a real SMTP server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.daemons import Daemons
from tests.servers.smtp import SmtpServer
from tests.waiting import wait_until


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def test_a_disk_that_is_low_is_mailed_once(tmp_path: Path, smtp: SmtpServer) -> None:
    sections: dict[str, dict[str, Any]] = {
        "runner": {"isolation": "none"},
        "digest": {"server": "127.0.0.1", "port": smtp.port, "tls": "none"},
        "alarms": {
            "to": "ann@example.org",
            "sender": "postroom@example.org",
            "group_seconds": 0,
            "disk_percent": 100,
        },
    }
    here = Daemons(tmp_path, {}, sections)
    try:
        here.start("api")
        here.run_scripts()
        wait_until(lambda: smtp.mails, 60, f"a mail: {here.log('runner')}{here.log('api')}")
        wait_until(lambda: "mailed" in here.log("runner"), 60, "its end")

        mail = smtp.mails[0].mail
        assert "disk.low" in mail["Subject"]
        assert mail["Auto-Submitted"] == "auto-generated"
        plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert plain is not None
        assert html is not None
        assert "database: disk.low, since" in plain.get_content()
        alarms = here.get("/v1/alarms")["items"]
        assert {each["kind"] for each in alarms} == {"disk.low"}
        assert all(each["told"] for each in alarms)
        assert len(smtp.mails) == 1
    finally:
        here.close()
