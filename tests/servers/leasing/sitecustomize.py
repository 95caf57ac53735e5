"""On PYTHONPATH of an API under test: what a dead monitor had in hand is soon given out again."""

import os
import runpy
import sys
from datetime import timedelta
from pathlib import Path

if "POSTROOM_KILL_AT" in os.environ:
    runpy.run_path(str(Path(__file__).parents[1] / "killing" / "sitecustomize.py"))
if "api" in sys.orig_argv:
    import api.watching.pulse

    api.watching.pulse.LEASE = timedelta(seconds=3)
