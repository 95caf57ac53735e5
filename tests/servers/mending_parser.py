"""A parser whose first version fails on some mails, and whose second reads some otherwise."""

import os
import signal

import msgspec

import master.parsers
from postroom import records
from postroom.parsing.mail import parse as really_parse


def parse(raw: bytes) -> records.Mail:
    """BROKEN cannot be read by version 1, LOST by none, KILL ends the process in version 2."""
    mail = really_parse(raw)
    version = master.parsers.PARSER_VERSION
    if "LOST" in mail.subject or (version == 1 and "BROKEN" in mail.subject):
        raise ValueError(f"version {version} cannot read this")
    if version == 1:
        return mail
    if "KILL" in mail.subject:
        os.kill(os.getpid(), signal.SIGKILL)
    if "same" in mail.subject:
        return mail
    attachments = [msgspec.structs.replace(each, name="renamed.txt") for each in mail.attachments]
    return msgspec.structs.replace(
        mail,
        subject=mail.subject.replace("mail", "letter"),
        attachments=tuple(attachments),
        defects=(*mail.defects, "bad_date"),
    )
