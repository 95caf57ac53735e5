"""python -m provider [NAME ...]: bring the mail of the configured mailboxes to the master."""

import argparse
import sys
import threading
import time
from collections.abc import Sequence

from postroom import credentials, daemon, registry, settings, wire
from postroom.daemon import CheckLine, Daemon, Exit
from postroom.errors import PostroomError, SettingsError
from postroom.settings import Config
from postroom.sockets import Lanes

from . import shared, sources
from .loop import Mailbox

#: Words that do something else than serve mailboxes: an object with `main` and `arguments`.
ACTIONS = {"import": "provider.importing:ACTION"}
#: Options of all daemons that are followed by a value.
WITH_VALUES = {"--config", "--pidfile", "--log-level"}
#: Seconds that a first SIGTERM leaves for what is under way.
DRAIN_SECONDS = 4.0
REACH_SECONDS = 3.0
TICK = 0.1


def main(run: Daemon) -> int:
    """Serve the mailboxes until told to stop."""
    named = _sources(run.config, run.args.names)
    with shared.opened(run.config, run.stop) as common:
        mailboxes = [
            Mailbox(name, source, common, once=run.args.once) for name, source in named.items()
        ]
        _serve(mailboxes, common.lanes, run.stop)
    failed = run.args.once and not all(mailbox.complete for mailbox in mailboxes)
    return Exit.FAILED if failed else Exit.OK


def _serve(mailboxes: Sequence[Mailbox], lanes: Lanes, stop: threading.Event) -> None:
    threads = [threading.Thread(target=m.run, name=m.name, daemon=True) for m in mailboxes]
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


def _sources(config: Config, names: Sequence[str]) -> dict[str, sources.Source]:
    known = config.named("mailbox")
    if not known:
        raise SettingsError(
            f"{config.shown}: no mailbox is configured: copy config.example.ini to config.ini "
            "and fill in a section [mailbox work]"
        )
    for name in names:
        if name not in known:
            raise SettingsError(
                f"{config.shown}: no section [mailbox {name}]: known are {', '.join(known)}"
            )
    return {name: _source(config, name) for name in names or known}


def _source(config: Config, name: str) -> sources.Source:
    section = config.named("mailbox")[name]
    with config.blaming(section.name, "source"):
        kind = sources.load(section.get("source", "imap"))
    options = section.convert(kind.Options)
    try:
        return kind(options, credentials.lookup(name, config.folder), config.path_of)
    except SettingsError as e:
        raise type(e)(f"{config.shown}: [mailbox {name}] {e}") from e


def check(run: Daemon) -> list[CheckLine]:
    """Log in to each mailbox, list its folders, look whether the master answers."""
    named = _sources(run.config, run.args.names)
    return [*(_check_source(name, source) for name, source in named.items()), _check_master(run)]


def _check_source(name: str, source: sources.Source) -> CheckLine:
    try:
        source.connect()
        folders = source.folders()
        for folder in folders:
            source.open(folder)
    except PostroomError as e:
        return CheckLine(f"mailbox {name}", False, f"{source.title}: {e}", "see the reason")
    finally:
        source.close()
    return CheckLine(f"mailbox {name}", True, f"{source.title}: {', '.join(folders)}")


def _check_master(run: Daemon) -> CheckLine:
    options = run.config.section("provider", settings.Provider)
    address = shared.address_of(run.config, options)
    lanes = shared.lanes_of(run.config, options, threading.Event())
    try:
        # A question that changes nothing; whatever the answer, there is somebody.
        lanes.submit(wire.Offer(mailbox="check", epoch=0, folder="", uidvalidity=0))
        reached = lanes.connected.wait(REACH_SECONDS)
    finally:
        lanes.close()
    remedy = "start it: python -m master; or set master = in [provider]"
    return CheckLine("master", reached, address, remedy)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="mailboxes (default: all)")
    parser.add_argument(
        "--once", action="store_true", help="end after one complete pass; status 0: none missing"
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
        action = registry.load(ACTIONS, sys.argv.pop(at), "action")
        daemon.run("provider", action.main, arguments=action.arguments)
    daemon.run("provider", main, check=check, arguments=_arguments)


if __name__ == "__main__":
    run()
