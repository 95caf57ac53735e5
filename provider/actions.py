"""A word behind `python -m provider` that is more like a daemon than like a program."""

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from postroom import daemon
from postroom.daemon import Daemon


class Action(NamedTuple):
    """What a word on the command line does."""

    #: As it is written there.
    word: str
    main: Callable[[Daemon], int]
    arguments: Callable[[argparse.ArgumentParser], None]

    def __call__(self, line: Sequence[str]) -> NoReturn:
        """Do it as the daemons do theirs: the same options, signals and statuses."""
        daemon.run("provider", self.main, arguments=self.arguments, line=line, word=self.word)
