"""`python -m runner`: the daemon."""

from postroom.daemon import Daemon, Exit

from .loop import Loop
from .shared import opened


def serve(run: Daemon) -> int:
    """Run scripts until told to stop."""
    with opened(run.config, run.stop) as shared:
        return Exit.OK if Loop(run.config, shared).run() else Exit.FAILED
