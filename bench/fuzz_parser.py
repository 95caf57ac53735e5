"""Mutated mails, and mails made to hurt: no exception, clean UTF-8, none over a second.

python -m bench.fuzz_parser [FOLDER...] [--mails 100000] [--seed 1]

Without a folder, the demo's own samples are mutated.
"""

import argparse
import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.hard_mails import HARD
from postroom.demo.samples import samples
from postroom.parsing.mail import parse
from postroom.parts import part_bytes
from postroom.records import Mail

#: Pieces that parsers stumble over.
BAIT = (
    b"\0", b"\r", b"\n", b"\r\n\r\n", b"\r\r\n", b"\xff\xfe", b"\xed\xa0\x80", b"=?utf-8?B?", b"?=",
    b"=?x?q?=", b"=", b"==", b"=\r\n", b"--", b"\n--", b'"', b"\\", b"(", b"((((", b")", b"<", b">",
    b"@", b",", b";", b":", b"%", b"*0*=", b"Content-Type: multipart/mixed; boundary=a\n",
    b"Content-Type: message/rfc822\n\n", b"Content-Type: text/html\n\n", b"--a\n", b"--a--\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n",
    b"charset=utf-7", b"charset=utf-16", b"charset=iso-2022-jp", b"+2AA-", b"\x1b$B", b"~{",
    b"begin 644 x\n", b"\nend\n", b"From x\n", b"\n ", b"\t", b"Date: ", b"99999999999999999999",
)  # fmt: skip
SLOW_SECONDS = 1.0
#: Larger samples are there for their size alone.
LARGE = 1024 * 1024
MAX_CHANGES = 12


def mutate(raws: Sequence[bytes], chance: random.Random) -> bytes:
    """Return one of the mails with a few things changed."""
    mail = bytearray(chance.choice(raws))
    for _ in range(chance.randint(1, MAX_CHANGES)):
        at, size = chance.randrange(len(mail) + 1), chance.randint(1, 40)
        kind = chance.randrange(6)
        if kind == 0:
            mail[at : at + size] = b""
        elif kind == 1:
            mail[at:at] = chance.choice(BAIT) * chance.choice((1, 1, 1, 2, 50))
        elif kind == 2:
            mail[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 3:
            mail[at:at] = mail[at : at + size * 5]
        elif kind == 4:
            other = chance.choice(raws)
            start = chance.randrange(len(other) + 1)
            mail[at:at] = other[start : start + size * 20]
        elif at < len(mail):
            mail[at] ^= 1 << chance.randrange(8)
    return bytes(mail)


def faults(raw: bytes, mail: Mail) -> Iterator[str]:
    """Yield what is wrong with a result."""
    try:
        encoded = msgspec.json.encode(mail)
        encoded.decode()
    except (UnicodeError, msgspec.MsgspecError):
        yield "not clean UTF-8"
        return
    if b"\\u0000" in encoded:
        yield "NUL"
    if mail.attachments:
        one = mail.attachments[-1]
        content = part_bytes(raw, one.part)
        if (len(content), hashlib.sha256(content).hexdigest()) != (one.size, one.sha256):
            yield "the index and the part differ"


def _tried(raw: bytes) -> list[str]:
    start = time.process_time()
    try:
        wrong = list(faults(raw, parse(raw)))
    except Exception as e:  # noqa: BLE001 - finding any of them is what this is for
        wrong = [f"{type(e).__name__}: {e}"]
    return [*wrong, "slow"] if time.process_time() - start > SLOW_SECONDS else wrong


def run(raws: Sequence[bytes], mails: int, seed: int) -> Counter[str]:
    """Parse so many mutated mails; return how often what went wrong."""
    counted: Counter[str] = Counter()
    chance = random.Random(seed)  # mails to break, not secrets
    for number in range(mails):
        wrong = _tried(mutate(raws, chance))
        counted.update(wrong)
        for fault in wrong:
            sys.stderr.write(f"mail {number}: {fault}\n")
    return counted


def _read(folders: Sequence[Path]) -> list[bytes]:
    paths = sorted(path for folder in folders for path in folder.rglob("*"))
    return [path.read_bytes() for path in paths if path.is_file() and path.suffix != ".json"]


def main() -> int:
    """Print what went wrong; exit with 1 if anything did."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folders", type=Path, nargs="*", help="mails, one a file")
    options.add_argument("--mails", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    own = [raw for raw in samples() if len(raw) < LARGE]
    raws = _read(chosen.folders) if chosen.folders else own
    counted = Counter(f"{name}: {wrong}" for name, raw in HARD.items() for wrong in _tried(raw))
    counted += run(raws, chosen.mails, chosen.seed)
    sys.stdout.write(
        f"{chosen.mails} mutants of {len(raws)} mails: {dict(counted) or 'no fault'}\n"
    )
    return bool(counted)


if __name__ == "__main__":
    sys.exit(main())
