"""How the command reads all again: its batches, its counts, what it does with a refusal."""

import io
import sys
from typing import Any, cast

import pytest

from master.readers import Again, Reader
from master.reparse import BATCH_BYTES, BATCH_MAILS, Reparse, batched
from postroom.api_client import ApiClient, Unparsed, Unparseds
from postroom.errors import RefusedError, TemporaryError
from postroom.progress import Bar, Counts, progress
from postroom.records import Mail


class Api:
    """Has some mails left, and refuses bodies with more than so many."""

    def __init__(self, count: int, most: int = 1_000) -> None:
        self.left = {id_: Unparsed(id_, "f" * 64, 10) for id_ in range(1, count + 1)}
        self.most = most
        self.failed: list[int] = []

    def unparsed(self, version: int, limit: int) -> Unparseds:
        return Unparseds(list(self.left.values())[:limit], len(self.left))

    def reparsed(self, version: int, mails: list[Again]) -> list[str]:
        if sum(1 for one in mails if one.mail) > self.most:
            raise RefusedError("too_large", "too much")
        for one in mails:
            del self.left[one.id]
        self.failed += [one.id for one in mails if one.mail is None]
        return ["changed" if one.mail else "failed" for one in mails]


class Readers:
    """Reads nothing, and may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.given: Any = ()
        self.error = error

    def begin(self, mails: Any) -> None:
        self.given = mails

    def end(self) -> list[Again]:
        if self.error:
            raise self.error
        return [Again(id=one.id, sha256=one.sha256, mail=Mail()) for one in self.given]


def work(api: Api, *readers: Readers) -> Reparse:
    return Reparse(cast(ApiClient, api), cast("list[Reader]", list(readers)), Counts("x"))


def test_batches_are_bounded_in_number_and_size_and_a_large_mail_stands_alone():
    small = [Unparsed(1, "", 1)] * (BATCH_MAILS + 1)
    large = [Unparsed(2, "", BATCH_BYTES + 1)]

    assert [len(batch) for batch in batched([*small, *large, *small])] == [
        *(BATCH_MAILS, 1, 1, BATCH_MAILS, 1)
    ]
    assert list(batched([])) == []


def test_all_is_read_and_counted():
    api = Api(230)
    reparse = work(api, Readers(), Readers())

    rounds = [reparse.some() for _ in range(4)]

    assert rounds == [True, True, True, False]
    assert reparse.counts == {"changed": 230}


@pytest.mark.parametrize(("most", "failed"), [(1, 0), (0, 5)])
def test_what_is_refused_together_is_handed_in_alone(most, failed):
    api = Api(5, most)

    work(api, Readers()).some()

    assert (api.left, len(api.failed)) == ({}, failed)


def test_a_reader_in_trouble_does_not_lose_what_the_other_read():
    api = Api(100)
    reparse = work(api, Readers(TemporaryError("the disk is slow")), Readers())

    with pytest.raises(TemporaryError):
        reparse.some()

    assert reparse.counts == {"changed": 50}


def test_a_terminal_gets_a_bar_and_all_else_lines(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress("Reading") as shown:
        shown.told(3, 10, "3 changed")

    assert isinstance(shown, Bar)
    assert "Reading" in screen.getvalue()
    assert "3/10" in screen.getvalue()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(progress("Reading"), Counts)
