"""How fast a search is among many mails, and what they cost to take in.

python -m bench.search [--mails 100000] [--from FOLDER] [--folder FOLDER] [--rounds 20]

Parses the mails of a folder (without one, the demo's samples), takes copies of them in, each with
Message-IDs and a date of its own, by the API's own ingest code in this process; then asks for pages
of mails with frequent, middling and rare words, and prints medians. Twice the same --folder does
not fill it again.
"""

import argparse
import hashlib
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import msgspec
from flask.testing import FlaskClient

from api.app import create_app
from api.database import Database
from api.deliveries import Delivery
from api.fold import fold
from api.ingest import ingest
from api.models import Mail
from bench.throughput import originals
from master.parsers.mail import parse
from postroom import records
from postroom.storage import Storage, open_storage

BATCH = 100
FIRST = datetime(2010, 1, 1, tzinfo=UTC)


def main() -> None:
    """Fill, ask, print."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        folder = options.folder or Path(temporary)
        db = Database(folder / "postroom.sqlite")
        storage = open_storage("sqlite", folder / "mails.sqlite")
        app = create_app(db, storage)
        mails = [parse(raw) for raw in originals(options.source)]
        if Mail.select().count() < options.mails:
            _fill(db, storage, mails, options)
        _ask(app.test_client(), _questions(mails), options.rounds)
        db.close()
        storage.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--from", dest="source", type=Path, help="a folder of .eml files")
    parser.add_argument("--folder", type=Path, help="keep the database here")
    parser.add_argument("--rounds", type=int, default=20)
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
        "two very frequent words": f"{words[0]} {words[1]}",
        "two frequent words": f"{words[20]} {words[25]}",
        "two middling words": f"{words[300]} {words[340]}",
        "a frequent and a rare word": f"{words[2]} copy4711",
        "two frequent words, OR": f"{words[10]} OR {words[15]}",
        "two frequent words, one NOT": f"{words[10]} -{words[15]}",
        "a phrase": f'"{words[0]} {words[1]}"',
        "a prefix of two letters": "re*",
        "a word and a time": f"{words[20]} before:2012",
        "a word and a mailbox": f"{words[20]} {words[25]} mailbox:bench",
        "only what it must not have": f"-{words[0]}",
    }


def _ask(client: FlaskClient, questions: dict[str, str], rounds: int) -> None:
    print(f"\n{'ms, median of a page of 50':<32}{'date':>8}{'page 2':>8}{'rank':>8}{'page 2':>8}")
    for name, question in questions.items():
        cells = "".join(
            f"{median * 1000:>8.1f}"
            for sort in ("date", "rank")
            for median in _pages(client, f"/v1/mails?q={quote(question)}&sort={sort}", rounds)
        )
        print(f"{name:<32}{cells}")


def _pages(client: FlaskClient, path: str, rounds: int) -> Iterator[float]:
    """Medians of the first page and of the second."""
    first, answer = _median(client, path, rounds)
    yield first
    if answer["next_cursor"]:
        yield _median(client, f"{path}&cursor={answer['next_cursor']}", rounds)[0]
    else:
        yield float("nan")


def _median(client: FlaskClient, path: str, rounds: int) -> tuple[float, dict[str, str]]:
    took = []
    for _ in range(rounds):
        start = time.process_time()
        response = client.get(path)
        took.append(time.process_time() - start)
        if response.status_code != 200:
            raise RuntimeError(response.text)
    return statistics.median(took), response.json or {}


if __name__ == "__main__":
    main()
