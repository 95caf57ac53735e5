"""`python -m runner`: the daemon."""

from postroom import metrics
from postroom.daemon import Daemon, Exit

from . import measured
from .loop import Loop
from .shared import opened


def serve(run: Daemon) -> int:
    """Run scripts until told to stop."""
    with opened(run.config, run.stop) as shared:
        numbers = shared.numbers
        numbers.set(measured.ROOM, shared.options.workers)
        numbers.set(measured.ISOLATION, 1.0, shared.workshop.isolation.name)
        numbers.read(measured.HELD, lambda: {(): float(len(shared.leases.all()))})
        with metrics.served(run.config, "runner", numbers):
            return Exit.OK if Loop(run.config, shared).run() else Exit.FAILED
