"""Ctrl-C at a terminal: `Quit? y/n`, and on it goes unless the answer is yes."""

import os
import select
import sys
import termios

from .bars import Bars

QUESTION = "Quit? y/n "
YES = ("y", "yes", "Yes")
GOES_ON = "Going on.\n"


def confirm(bars: Bars, signals: int) -> bool:
    """Whether to end; a further signal, which comes from the descriptor `signals`, is a yes.

    Nobody is asked where nobody can answer: without a terminal, or in the background.
    """
    answers = sys.stdin.fileno() if sys.stdin and not sys.stdin.closed else -1
    if not _in_front(answers):
        return True
    with bars.held():
        # What was typed before the question is no answer to it.
        termios.tcflush(answers, termios.TCIFLUSH)
        _say(QUESTION)
        ready, _, _ = select.select([answers, signals], [], [])
        if signals in ready:
            os.read(signals, 1)
            _say("\n")
            return True
        said = os.read(answers, 1024).decode(errors="replace").strip()
        if said in YES:
            return True
        _say(GOES_ON)
        return False


def _in_front(answers: int) -> bool:
    try:
        return os.isatty(answers) and os.tcgetpgrp(answers) == os.getpgrp()
    except OSError:
        return False


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
