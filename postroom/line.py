"""A daemon's line to the master, as its settings say."""

import logging
import threading
from typing import Any

from postroom import house, settings, wire
from postroom.daemon import CheckLine
from postroom.errors import TemporaryError
from postroom.settings import Config, ToMaster
from postroom.sockets import ClientKeys, Lanes

log = logging.getLogger(__name__)

REACH_SECONDS = 3.0


def address_of(config: Config, options: ToMaster) -> str:
    """Where the master is."""
    return options.master or config.section("master", settings.Master).address


def lanes_of(config: Config, section: str, options: ToMaster, stop: threading.Event) -> Lanes:
    """Lanes with the daemon's own keys, if it has some; `section` is where its options stand."""
    keys = None
    if options.key_file:
        keys = ClientKeys.load(
            config.path_of(options.key_file), config.path_of(options.server_key_file)
        )
    blamed = (section, "master") if options.master else ("master", "host")
    with config.blaming(*blamed):
        return Lanes(
            address_of(config, options),
            lanes=options.lanes,
            resend_seconds=options.resend_seconds,
            reconnect_seconds=options.reconnect_seconds,
            keys=keys,
            stop=stop,
        )


def ask(lanes: Lanes, request: Any, who: str, stop: threading.Event) -> Any:
    """Ask again as often as the master says "later".

    Raises RefusedError when it says no, TemporaryError when told to stop.
    """
    told = ""
    while True:
        try:
            return lanes.ask(request)
        except TemporaryError as e:
            if not told:
                log.info("Slave %s: Master says not now: %s", who, e)
            told = str(e)
            if stop.wait(e.after):
                raise


def check(config: Config, section: str, options: ToMaster) -> CheckLine:
    """Look whether a master answers."""
    lanes = lanes_of(config, section, options, threading.Event())
    try:
        # A question that changes nothing; whatever the answer, there is somebody.
        lanes.submit(wire.Offer(mailbox="check", epoch=0, folder="", uidvalidity=0))
        reached = lanes.connected.wait(REACH_SECONDS)
    finally:
        lanes.close()
    remedy = f"start it: {house.typed('master')}; or set master = in [{section}]"
    return CheckLine("master", reached, address_of(config, options), remedy)
