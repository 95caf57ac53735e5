"""Mails over which the connection breaks, kept over reconnects so that they block no other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from postroom.errors import SourceError, TemporaryError
from postroom.wire import Key

#: Connections that may break over one mail before it is given up for this time.
MOST = 3


class LargerError(TemporaryError):
    """The server sends more than there is room for: only a new connection helps."""


class GivenUpError(SourceError):
    """The server does not say no: it goes away."""


class Strikes:
    """What is known of the troublesome mails of one folder.

    `lasting`: what was given up once is not tried again while this process lives.
    """

    def __init__(self, *, lasting: bool = False) -> None:
        self._lasting = lasting
        self._count: Counter[Key] = Counter()
        #: Turned out to be larger than the server told.
        self.large: set[Key] = set()

    def parted(self, keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
        """The innocent together, each suspect alone."""
        suspects = [key for key in keys if self._count[key]] if self._count else []
        innocent = [key for key in keys if key not in suspects] if suspects else keys
        if innocent:
            yield innocent
        for key in suspects:
            yield [key]

    def suspect(self, key: Key) -> None:
        """One break is enough for this one."""
        self._count[key] = max(self._count[key], MOST - 1)

    def settle(self, keys: Sequence[Key]) -> None:
        """These came whole."""
        for key in keys:
            self._count.pop(key, None)

    @contextmanager
    def watch(self, keys: Sequence[Key], *, whole: bool = True) -> Iterator[None]:
        """Note a break while these are fetched; SourceError for one that broke too many.

        Without `whole` only a piece is fetched, which settles nothing.
        """
        if len(keys) == 1 and self._count[keys[0]] >= MOST:
            if not self._lasting:
                # From now on one more break is enough.
                self._count[keys[0]] = MOST - 1
            raise GivenUpError(f"the connection broke {MOST} times while it was fetched")
        try:
            yield
        except TemporaryError as e:
            self._count.update(keys)
            if isinstance(e, LargerError) and len(keys) == 1:
                self.large.add(keys[0])
            raise
        if whole:
            self.settle(keys)
