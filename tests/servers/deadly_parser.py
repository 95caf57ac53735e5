"""A parser that does to its worker what a subject says; all else it leaves to the real one."""

import os
import signal
import time
from pathlib import Path

from postroom import records
from postroom.parsing.mail import parse as really_parse

#: A folder: `parsed` gets a line for each mail; WAIT mails wait for the file `gate`.
FOLDER = "POSTROOM_TEST_FOLDER"


def parse(raw: bytes) -> records.Mail:
    """KILL ends the process, MEMORY runs out of it, HANG stays, WAIT stays until the gate opens."""
    folder = Path(os.environ[FOLDER])
    mail = really_parse(raw)
    with (folder / "parsed").open("a") as stream:
        stream.write(f"{mail.subject}\n")
    if "KILL" in mail.subject:
        os.kill(os.getpid(), signal.SIGKILL)
    if "MEMORY" in mail.subject:
        raise MemoryError
    while "HANG" in mail.subject:
        time.sleep(60)
    while "WAIT" in mail.subject and not (folder / "gate").exists():
        time.sleep(0.02)
    return mail
