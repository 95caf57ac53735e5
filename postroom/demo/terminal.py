"""What the demo tells: one line a fact, the teller's name before it, coloured on a terminal."""

import sys
from io import TextIOWrapper

from rich.console import Console
from rich.text import Text

COLOURS = {"demo": "bold", "api": "cyan", "master": "green", "provider": "magenta"}
WIDTH = max(len(name) for name in COLOURS)


class Terminal:
    """Standard output; threads may share it."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, TextIOWrapper):
            # A subject in Greek must not end the demo on a terminal that has no Greek.
            sys.stdout.reconfigure(errors="replace")
        self._console = Console(highlight=False, markup=False)

    def say(self, who: str, line: str) -> None:
        """Print one line of one teller."""
        text = Text(f"{who:<{WIDTH}} | ", style=COLOURS.get(who, ""))
        text.append(printable(line), style="default")
        self._console.print(text, soft_wrap=True)


def printable(line: str) -> str:
    """The line without characters that would steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in line.expandtabs())
