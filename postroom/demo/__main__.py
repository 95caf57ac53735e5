"""`python -m postroom.demo`: sample mails and a page's files flow through all daemons to curl."""

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

from postroom.demo.show import Show, Wishes
from postroom.demo.terminal import Terminal

OK, FAILED = 0, 1


def main() -> int:
    """Return the status of the process."""
    args = _arguments()
    stop = _stop_on_signals()
    terminal = Terminal()
    wishes = Wishes(args.once, args.seconds, args.maildir, args.port)
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as temporary:
        folder = Path(args.folder or temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        failed = Show(folder, wishes, terminal.say, stop).run()
    if failed or (wishes.once and stop.is_set()):
        terminal.say("demo", f"failed: {failed or 'ended from outside'}")
        return FAILED
    terminal.say("demo", "all ended")
    return OK


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m postroom.demo", description=__doc__)
    add = parser.add_argument
    add("--once", action="store_true", help="end with 0 when all is in the API, else with 1")
    add("--seconds", type=float, default=60.0, help="how long --once waits (60)")
    add("--maildir", action="store_true", help="a Maildir instead of the embedded IMAP server")
    add("--port", type=int, default=5000, help="of the API (5000; another one if that is taken)")
    add("--folder", metavar="PATH", help="keep settings and stores there, e.g. data/demo")
    return parser.parse_args()


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked)
    return stop


if __name__ == "__main__":
    sys.exit(main())
