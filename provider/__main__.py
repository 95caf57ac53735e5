"""python -m provider [NAME ...]: bring the mail of the configured mailboxes to the master."""

import argparse
import logging
import sys
import threading
import time
from collections.abc import Sequence

from postroom import daemon, house, line, metrics, registry, settings
from postroom.daemon import CheckLine, Daemon, Exit
from postroom.errors import PostroomError
from postroom.sockets import Lanes

from . import mailboxes, shared, sources
from .loop import Mailbox
from .tools.problems import explain

log = logging.getLogger(__name__)

#: Words that do something else than serve mailboxes: functions of the rest of the command line.
ACTIONS = {
    "import": "provider.importing:ACTION",
    "login": "provider.login:main",
    "list": "provider.tools.listing:ACTION",
    "fetch": "provider.tools.fetch:ACTION",
    "check": "provider.tools.check:ACTION",
    "verify": "provider.tools.verify:ACTION",
    "delete": "provider.tools.delete:ACTION",
}
#: Options of all daemons that are followed by a value.
WITH_VALUES = {"--config", "--pidfile", "--log-level"}
#: Seconds that a first SIGTERM leaves for what is under way.
DRAIN_SECONDS = 4.0
TICK = 0.1


def main(run: Daemon) -> int:
    """Serve the mailboxes until told to stop."""
    if run.args.idle and not run.config.named("mailbox"):
        log.info("there is no mailbox to read")
        run.stop.wait()
        return Exit.OK
    named = mailboxes.named(run.config, run.args.names)
    with shared.opened(run.config, run.stop, len(named)) as common:
        served = [
            Mailbox(name, source, common, once=run.args.once) for name, source in named.items()
        ]
        if not run.args.once:
            _sweep(run, list(named))
        with metrics.served(run.config, "provider", common.numbers):
            _serve(served, common.lanes, run.stop)
    failed = run.args.once and not all(mailbox.complete for mailbox in served)
    return Exit.FAILED if failed else Exit.OK


def _sweep(run: Daemon, names: Sequence[str]) -> None:
    """Where a mailbox asks for it, delete what is stored and old enough."""
    if any(mailboxes.delete_after_days(run.config, name) for name in names):
        # Others need neither HTTP nor its memory.
        registry.load({"delete": "provider.sweeps:start"}, "delete", "thread")(
            run.config, names, run.stop
        )


def _serve(served: Sequence[Mailbox], lanes: Lanes, stop: threading.Event) -> None:
    threads = [threading.Thread(target=m.run, name=m.name, daemon=True) for m in served]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not stop.wait(TICK):
        pass
    end = time.monotonic() + DRAIN_SECONDS
    # Where no master answers there is nothing to wait for.
    while lanes.connected.is_set() and time.monotonic() < end:
        if not any(thread.is_alive() for thread in threads):
            return
        time.sleep(TICK)


def check(run: Daemon) -> list[CheckLine]:
    """Log in to each mailbox, list its folders, look whether the master answers."""
    named = mailboxes.named(run.config, run.args.names)
    options = run.config.section("provider", settings.Provider)
    found = [_check_source(name, source) for name, source in named.items()]
    return [*found, line.check(run.config, "provider", options)]


def _check_source(name: str, source: sources.Source) -> CheckLine:
    try:
        source.connect()
        folders = source.folders()
        for folder in folders:
            source.open(folder)
    except PostroomError as e:
        found = explain(e, source.title)
        detail = f"{source.title}: {e}: {found.words}"
        return CheckLine(f"mailbox {name}", False, detail, found.remedy)
    finally:
        source.close()
    return CheckLine(f"mailbox {name}", True, f"{source.title}: {', '.join(folders)}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    words = ", ".join(ACTIONS)
    parser.epilog = (
        f"other commands: {words}; {house.typed('provider')} COMMAND --help tells of each"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="mailboxes (default: all)")
    parser.add_argument(
        "--once", action="store_true", help="end after one complete pass; status 0: none missing"
    )
    parser.add_argument(
        "--idle", action="store_true", help="wait, and do not fail, where there is no mailbox"
    )


def _first_word(line: Sequence[str]) -> int:
    """Where the first word stands that is no option and no option's value; 0: there is none."""
    before = zip(range(1, len(line)), line, strict=False)
    return next((at for at, last in before if line[at][:1] != "-" and last not in WITH_VALUES), 0)


def run() -> None:
    """The word behind `python -m provider` decides: one of ACTIONS, or the names of mailboxes."""
    at = _first_word(sys.argv)
    if at and sys.argv[at] in ACTIONS:
        # What the action takes is its own business.
        action = registry.load(ACTIONS, sys.argv[at], "action")
        sys.exit(action([*sys.argv[1:at], *sys.argv[at + 1 :]]))
    daemon.run("provider", main, check=check, arguments=_arguments)


if __name__ == "__main__":
    run()
