"""What runs write, kept by pieces while it comes, up to a limit for each stream."""

from typing import Any

import peewee

from postroom.errors import RefusedError

from ..database import bulk
from ..models import RunLog
from ..rest.scripted import Log
from .held import Held

#: Bytes that are kept of one stream of one attempt.
MOST = 1024 * 1024
#: Bytes of one answer.
PIECE = 256 * 1024
STREAMS = ("out", "err")


def append(run: Held, stream: str, offset: int, text: str) -> int:
    """Keep what is new of a piece; how long the stream is now, for the caller to note."""
    size = run.log_out if stream == "out" else run.log_err
    if offset > size:
        raise RefusedError("bad_offset", f"the log has {size} bytes so far: send on from there")
    data = text.encode()
    new = data[size - offset :]
    if not new:
        return size
    if size < MOST:
        # A cut may go through the middle of a character.
        kept = new[: MOST - size].decode(errors="ignore")
        row = {
            "run": run.id,
            "attempt": run.attempt,
            "stream": stream,
            "offset": size,
            "size": len(kept.encode()),
            "cut": len(new) > MOST - size,
            "text": kept,
        }
        bulk.insert(RunLog, [row])
    elif size == MOST:
        RunLog.update(cut=True).where(
            RunLog.run == run.id, RunLog.attempt == run.attempt, RunLog.stream == stream
        ).execute()
    return size + len(new)


def forget(run: Held) -> None:
    """Drop what the present attempt wrote; call it inside a write transaction."""
    RunLog.delete().where(RunLog.run == run.id, RunLog.attempt == run.attempt).execute()


def read(run: Any, stream: str, attempt: int, offset: int) -> Log:
    """What a stream has from an offset on, a piece of it."""
    pieces = RunLog.select().where(
        RunLog.run == run.id, RunLog.attempt == attempt, RunLog.stream == stream
    )
    kept, cut = pieces.select(
        peewee.fn.MAX(RunLog.offset + RunLog.size), peewee.fn.MAX(RunLog.cut.cast("INTEGER"))
    ).scalar(as_tuple=True)
    text, size = b"", 0
    wanted = pieces.where(RunLog.offset + RunLog.size > offset).order_by(RunLog.offset)
    for piece in wanted.iterator():
        text += piece.text.encode()[max(0, offset - piece.offset) :]
        size = piece.offset + piece.size
        if len(text) >= PIECE:
            break
    end = size or min(offset, kept or 0)
    is_over = run.status != "pending" or attempt < run.attempt or not run.claim
    return Log(
        run=run.id,
        attempt=attempt,
        stream="err" if stream == "err" else "out",
        offset=min(offset, end),
        next=end,
        text=text.decode(errors="replace"),
        truncated=bool(cut),
        ended=is_over and end >= (kept or 0),
    )
