"""A script at a desk meets the mail as the API shows it."""

import json
from pathlib import Path

import msgspec

from postroom.parsing.mail import parse
from runner import desk
from tests.api.caller import Caller
from tests.scripts import MAIL

#: What only a mail has that stands somewhere.
_OWN = {"id", "created", "places", "thread_id"}


def test_a_mail_at_the_desk_is_what_the_api_shows(api: Caller, tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(MAIL)
    read = desk.mail(file, tmp_path).record

    api.hello()
    delivered = api.delivery(1, MAIL, mail=msgspec.to_builtins(parse(MAIL)))
    api.deliver(delivered, keep={read["sha256"]: MAIL})
    shown = api.get("/v1/mails/1")

    assert read.keys() == shown.keys()
    for key in read.keys() - _OWN:
        assert json.loads(json.dumps(read[key])) == shown[key], key
