"""A worker: one request at a time from the front, through the pipeline, and back."""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from postroom import following, house, logs, registry, settings, wire
from postroom.api_client import ApiClient
from postroom.credentials import api_token
from postroom.daemon import Exit, started
from postroom.errors import PostroomError, RefusedError, SettingsError, TemporaryError
from postroom.sockets import Desk
from postroom.storage import StorageBrokenError, open_mails

from . import orders
from .mark import Mark
from .orders import Note, Order
from .outage import ApiAwayError
from .parsers import PARSERS
from .pipeline import MAX_REASON, Pipeline
from .retries import Retries
from .sinks import open_sinks
from .spool import Spool

log = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
#: Below the front's deadline, so that a slow API is told from a hung worker.
API_SECONDS = 20.0
#: For what is a defect of ours: the mail is not at fault, and may pass after a restart.
DEFECT_SECONDS = 30.0
#: How much longer a task is leased than the front lets a worker be.
LEASE_SECONDS = 5.0


class Worker:
    """Takes orders at its desk until told to stop."""

    def __init__(self, desk: Desk, mark: Mark, pipeline: Pipeline, retries: Retries) -> None:
        self._desk = desk
        self._mark = mark
        self._pipeline = pipeline
        self._retries = retries

    def run(self) -> None:
        """Say ready, then serve."""
        self._say(Note(state="ready"))
        while True:
            packed, *frames = self._desk.receive()
            order = orders.decode_order(packed)
            if order.kind == "stop":
                return
            if order.kind == "probe":
                self._probe()
            elif order.kind == "task":
                self._task()
            else:
                self._work(order, frames)

    def _probe(self) -> None:
        try:
            self._pipeline.probe()
        except (TemporaryError, RefusedError) as e:
            self._say(Note(state="done", status="retry", away=str(e)[:MAX_REASON]))
        else:
            self._say(Note(state="done"))

    def _task(self) -> None:
        try:
            more = self._retries.one()
        except Exception as e:
            # Nobody waits for an answer: the task comes again when its lease has run out.
            note, _ = _failed(e)
            self._say(msgspec.structs.replace(note, status="retry"))
            if isinstance(e, StorageBrokenError):
                raise
        else:
            self._say(Note(state="done", more=more))

    def _work(self, order: Order, frames: list[memoryview]) -> None:
        # No message: one that is on its way when the worker dies may be lost.
        self._mark.set()
        envelope = wire.decode_request(frames)
        with following.within(request=envelope.id):
            self._answer(envelope, order)

    def _answer(self, envelope: wire.Envelope, order: Order) -> None:
        try:
            reply = self._pipeline.answer(envelope, order, self._parsed)
            answer = wire.encode_reply(reply, envelope.id)
        except MemoryError:
            # The front counts it against the mails in hand, as when the kernel kills us for it.
            raise
        except Exception as e:
            self._mark.lift()
            note, reply = _failed(e)
            self._say(note, wire.encode_reply(reply, envelope.id))
            if isinstance(e, StorageBrokenError):
                raise
        else:
            self._mark.lift()
            self._say(Note(state="done"), answer)

    def _parsed(self) -> bool:
        was_marked = self._mark.lift()
        # For the measurements alone.
        self._say(Note(state="parsed"))
        return was_marked

    def _say(self, note: Note, frames: Sequence[bytes] = ()) -> None:
        self._desk.send([orders.encode(note), *frames])


def _failed(e: Exception) -> tuple[Note, wire.Retry | wire.Refusal]:
    """What to say when a request could not be carried out; to be called where it is handled."""
    text = str(e)[:MAX_REASON]
    match e:
        case RefusedError(code=code):
            return Note(state="done", status="error"), wire.Refusal(code=code, message=text)
        case ApiAwayError(after=after):
            note = Note(state="done", status="retry", away=text)
            return note, wire.Retry(after=after, reason=text)
        case TemporaryError(after=after):
            # Providers are told to wait, and not all of them say why.
            log.warning("a request has to come again: %s", e)
            return Note(state="done", status="retry"), wire.Retry(after=after, reason=text)
        case StorageBrokenError():
            log.critical("the store is broken: %s", e)
        case _:
            log.exception("a request failed for a reason that is a defect of Postroom")
            text = f"a defect: {type(e).__name__}: {text}"
    return Note(state="done", status="retry"), wire.Retry(after=DEFECT_SECONDS, reason=text)


def open_pipeline(config: settings.Config) -> Pipeline:
    """Open all that a worker needs, as the settings say."""
    master = config.section("master", settings.Master)
    api_options = config.section("api", settings.Api)
    api = ApiClient(api_options.base_url, api_token(config), timeout=API_SECONDS)
    mail_bytes = master.mail_megabytes * MEGABYTE
    with config.blaming("master", "spool"):
        spool = Spool(config.path_of(master.spool), mail_bytes)
    return Pipeline(
        api=api,
        storage=open_mails(config),
        sinks=open_sinks(master.sinks, config, api),
        spool=spool,
        parse=registry.load(PARSERS, "mail", "parser"),
        limits=wire.Limits(
            batch_items=master.batch_mails,
            batch_bytes=master.batch_megabytes * MEGABYTE,
            mail_bytes=mail_bytes,
        ),
    )


def open_retries(config: settings.Config, pipeline: Pipeline, name: str) -> Retries:
    """What an idle worker tries again, with all that the pipeline has open."""
    deadline = config.section("master", settings.Master).deadline_seconds
    return Retries(
        api=pipeline.api,
        storage=pipeline.storage,
        sinks=pipeline.sinks,
        parse=pipeline.parse,
        worker=f"{socket.gethostname()}:{os.getpid()} {name}",
        lease_seconds=min(deadline + LEASE_SECONDS, 3600.0),
    )


def main() -> None:
    """Entry of the process that the front starts."""
    args = _parser().parse_args()
    # Ctrl-C and a supervisor reach the whole group; the front decides when a worker ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        config = settings.load(args.config)
        logs.follow(config, args.log_level or "")
        pipeline = open_pipeline(config)
        retries = open_retries(config, pipeline, args.name)
        worker = Worker(Desk(args.address, args.name), Mark(*args.mark), pipeline, retries)
        started()
        worker.run()
    except PostroomError as e:
        sys.stderr.write(f"master: {e}\n")
        sys.exit(Exit.SETTINGS if isinstance(e, SettingsError) else Exit.FAILED)


def _end_with_parent() -> None:
    """The pipe from the front closes when it ends, even by SIGKILL; nothing unanswered is lost."""
    # Unbuffered: a thread inside of a buffered read would break the interpreter's own end.
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=house.typed("master.worker"))
    parser.add_argument("--config", type=Path)
    parser.add_argument("--log-level")
    parser.add_argument("--address", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--mark", required=True, type=int, nargs=2)
    return parser


if __name__ == "__main__":
    main()
