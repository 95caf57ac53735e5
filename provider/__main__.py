"""python -m provider [NAME ...]: bring the mail of the configured mailboxes to the master."""

import argparse
import sys
import threading
import time
from collections.abc import Sequence

from postroom import daemon, registry, settings, wire
from postroom.daemon import CheckLine, Daemon, Exit
from postroom.errors import PostroomError, SettingsError
from postroom.settings import Config
from postroom.sockets import ClientKeys, Lanes

from . import accounts, sources
from .budget import Budget
from .link import Shared
from .loop import Mailbox

#: What is no daemon; each takes the rest of the command line and returns an exit status.
SUBCOMMANDS = {"login": "provider.login:main"}
#: Seconds that a first SIGTERM leaves for what is under way.
DRAIN_SECONDS = 4.0
REACH_SECONDS = 3.0
TICK = 0.1


def main(run: Daemon) -> int:
    """Serve the mailboxes until told to stop."""
    options = run.config.section("provider", settings.Provider)
    named = _sources(run.config, run.args.names)
    # The lanes outlive the first signal: what they carry is to be answered.
    ended = threading.Event()
    lanes = _lanes(run.config, options, ended)
    shared = Shared(
        lanes=lanes,
        budget=Budget(options.budget_megabytes * 1024 * 1024, 2 * options.lanes, run.stop),
        stop=run.stop,
        address=_address(run.config, options),
        heartbeat_seconds=options.heartbeat_seconds,
    )
    mailboxes = [
        Mailbox(name, source, shared, once=run.args.once) for name, source in named.items()
    ]
    try:
        _serve(mailboxes, lanes, run.stop)
    finally:
        ended.set()
        lanes.close()
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
        return kind(options, accounts.find(config, name, options), config.path_of)
    except SettingsError as e:
        raise type(e)(f"{config.shown}: [mailbox {name}] {e}") from e


def _address(config: Config, options: settings.Provider) -> str:
    return options.master or config.section("master", settings.Master).address


def _lanes(config: Config, options: settings.Provider, stop: threading.Event) -> Lanes:
    keys = None
    if options.key_file:
        keys = ClientKeys.load(
            config.path_of(options.key_file), config.path_of(options.server_key_file)
        )
    section, key = ("provider", "master") if options.master else ("master", "host")
    with config.blaming(section, key):
        return Lanes(
            _address(config, options),
            lanes=options.lanes,
            resend_seconds=options.resend_seconds,
            reconnect_seconds=options.reconnect_seconds,
            keys=keys,
            stop=stop,
        )


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
    address = _address(run.config, options)
    lanes = _lanes(run.config, options, threading.Event())
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


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SUBCOMMANDS:
        sys.exit(registry.load(SUBCOMMANDS, sys.argv[1], "command")(sys.argv[2:]))
    sys.exit(daemon.run("provider", main, check=check, arguments=_arguments))
