"""python -m monitor [NAME ...]: watch the configured pages for new files."""

import argparse
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from postroom import daemon, metrics, registry, settings
from postroom.daemon import CheckLine, Daemon, Exit
from postroom.settings import Config

from . import alone, environment, quitting
from .bars import Bars, bars
from .service import Service
from .shared import opened
from .watched import named

log = logging.getLogger(__name__)

#: Imported when asked for.
CHECKS = {"monitor": "monitor.checks:check"}


def main(bars: Bars, run: Daemon) -> int:
    """Watch the pages until told to stop."""
    environment.hand_on_secrets()
    if run.config.file and environment.is_given():
        log.warning("FM_* variables are not used: %s says what is watched", run.config.file)
    if run.args.idle and not run.config.named("page"):
        log.info("there is no page to watch")
        run.stop.wait()
        return Exit.OK
    pages = named(run.config, run.args.names)
    beside = alone.beside(run.config, run.stop) if run.args.alone else nullcontext(run.config)
    with beside as config, opened(config, bars, run.stop) as shared:
        service = Service(config, pages, shared)
        with metrics.served(run.config, "monitor", shared.numbers):
            if run.args.once:
                well = service.once()
            else:
                service.run()
                well = not service.broken
    return Exit.OK if well else Exit.FAILED


def check(run: Daemon) -> Sequence[CheckLine]:
    """Test what a start would need."""
    environment.hand_on_secrets()
    lines: Sequence[CheckLine] = registry.load(CHECKS, "monitor", "check")(run)
    return lines


def load(args: argparse.Namespace) -> Config:
    """The settings file; without one the FM_* variables, where there are any."""
    no_file = args.config is None and not settings.DEFAULT_FILE.exists()
    if no_file and environment.is_given():
        return environment.config()
    return settings.load(args.config)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What this daemon takes besides what all take."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="pages (default: all)")
    parser.add_argument(
        "--once", action="store_true", help="end after one look at each page; 0: nothing failed"
    )
    parser.add_argument(
        "--idle", action="store_true", help="wait, and do not fail, where there is no page"
    )
    parser.add_argument("--alone", action="store_true", help="start an API and a master beside it")


def run() -> None:
    """Ctrl-C at a terminal asks first."""
    shown = bars()
    daemon.run(
        "monitor",
        partial(main, shown),
        check=check,
        arguments=arguments,
        load=load,
        confirm=partial(quitting.confirm, shown),
    )


if __name__ == "__main__":
    run()
