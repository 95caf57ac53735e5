"""How fast a search is among many mails, and what they cost to take in.

python -m bench.search [--mails 100000] [--from FOLDER] [--folder FOLDER] [--database URL]
    [--rounds 40] [--cpu]

Parses the mails of a folder (without one, the demo's samples), takes copies of them in, each with
Message-IDs and a date of its own, by the API's own ingest code in this process; then asks for pages
of 50 mails with frequent, middling and rare words, with snippets, whole requests in this process,
and prints for each the median and the 95th percentile. A --folder that was
filled before is not filled again.
"""

import argparse
import hashlib
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from flask.testing import FlaskClient

from api.app import create_app
from api.database import Database, open_database
from api.deliveries import Delivery
from api.mails.ingest import ingest
from api.models import Mail
from api.search.conditions import selects
from api.search.fold import fold
from api.search.querylang import parse as parse_query
from bench.throughput import originals
from postroom import records
from postroom.parsing.mail import parse
from postroom.storage import Storage, open_storage

BATCH = 200
FIRST = datetime(2010, 1, 1, tzinfo=UTC)


def main() -> None:
    """Fill, ask, print."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        folder = options.folder or Path(temporary)
        db = open_database(options.database or folder / "postroom.sqlite", folder=folder)
        storage = open_storage("sqlite", folder / "mails.sqlite")
        app = create_app(db, storage)
        mails = [parse(raw) for raw in originals(options.source)]
        if Mail.select().count() < options.mails:
            _fill(db, storage, mails, options)
        clock = time.process_time if options.cpu else time.perf_counter
        _ask(app.test_client(), _questions(mails), options.rounds, clock)
        db.close_all()
        storage.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--from", dest="source", type=Path, help="a folder of .eml files")
    parser.add_argument("--folder", type=Path, help="keep the database here")
    parser.add_argument("--database", help="a URL of PostgreSQL instead")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--cpu", action="store_true", help="count CPU time, not the clock's")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _fill(
    db: Database, storage: Storage, mails: list[records.Mail], options: argparse.Namespace
) -> None:
    chosen = random.Random(options.seed)
    began, cpu = time.perf_counter(), time.process_time()
    spent = 0.0
    batch: list[Delivery] = []
    for number in range(options.mails):
        batch.append(_copy(mails[number % len(mails)], number, len(mails), chosen))
        if len(batch) == BATCH or number + 1 == options.mails:
            start = time.process_time()
            ingest(db, batch, storage)
            spent += time.process_time() - start
            batch = []
    print(
        f"{options.mails} mails taken in: {time.perf_counter() - began:.1f} s, of CPU "
        f"{time.process_time() - cpu:.1f} s, of that {spent / options.mails * 1e6:.0f} us a mail "
        f"for ingest"
    )


def _copy(mail: records.Mail, number: int, originals_: int, chosen: random.Random) -> Delivery:
    """Of each round of copies, the Message-IDs are its own: its threads are, too."""
    around = number // originals_
    copied = msgspec.structs.replace(
        mail,
        message_id=f"{around}.{mail.message_id or number}",
        in_reply_to=tuple(f"{around}.{each}" for each in mail.in_reply_to),
        references=tuple(f"{around}.{each}" for each in mail.references),
        date=FIRST + timedelta(minutes=chosen.randrange(10 * 365 * 24 * 60)),
        text=f"{mail.text}\ncopy{number}\n",
    )
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    return Delivery(
        mailbox="bench",
        folder="INBOX",
        uidvalidity=1,
        key=number + 1,
        sha256=sha256,
        size=1 + len(copied.text),
        mail=copied,
        parser=1,
    )


def _questions(mails: list[records.Mail]) -> dict[str, str]:
    found = Counter(
        word for mail in mails for word in set(fold(mail.text).split()) if word.isalpha()
    )
    words = [word for word, _ in found.most_common()]
    return {
        "two rare words": f"{words[1200]} {words[1201]}",
        "two words, one rare": f"{words[2]} copy4711",
        "two middling words": f"{words[300]} {words[340]}",
        "two frequent words": f"{words[20]} {words[25]}",
        "the two most frequent": f"{words[0]} {words[1]}",
        "one or the other": f"{words[10]} OR {words[15]}",
        "one and not the other": f"{words[10]} -{words[15]}",
        "a phrase": f'"{words[20]} {words[0]}"',
        "a prefix": "inte*",
        "the most frequent prefix": "com*",
        "two words and a time": f"{words[20]} {words[25]} before:2012",
        "two words and a mailbox": f"{words[20]} {words[25]} mailbox:bench",
        "two words, attachments": f"{words[20]} {words[25]} has:attachment",
    }


Timing = tuple[float, float]
Clock = Callable[[], float]


def _ask(client: FlaskClient, questions: dict[str, str], rounds: int, clock: Clock) -> None:
    names = ("by date", "page 2", "by rank", "page 2")
    print(f"\n{'ms: median, 95 % below':<26}{'mails':>8}{''.join(f'{name:>15}' for name in names)}")
    for name, question in questions.items():
        number = len(_ids(question))
        cells = "".join(
            f"{median * 1000:>8.1f}{most * 1000:>7.1f}"
            for sort in ("date", "rank")
            for median, most in _pages(
                client, f"/v1/mails?q={quote(question)}&sort={sort}", rounds, clock
            )
        )
        print(f"{name:<26}{number:>8}{cells}")


def _ids(question: str) -> list[Any]:
    return list(Mail.select(Mail.id).where(selects(parse_query(question))).tuples())


def _pages(client: FlaskClient, path: str, rounds: int, clock: Clock) -> Iterator[Timing]:
    """The first page and the second."""
    first, answer = _timing(client, path, rounds, clock)
    yield first
    if answer["next_cursor"]:
        yield _timing(client, f"{path}&cursor={answer['next_cursor']}", rounds, clock)[0]
    else:
        yield float("nan"), float("nan")


def _timing(
    client: FlaskClient, path: str, rounds: int, clock: Clock
) -> tuple[Timing, dict[str, str]]:
    took = []
    for _ in range(rounds):
        start = clock()
        response = client.get(path)
        took.append(clock() - start)
        if response.status_code != 200:
            raise RuntimeError(response.text)
    took.sort()
    return (statistics.median(took), took[int(len(took) * 0.95)]), response.json or {}


if __name__ == "__main__":
    main()
