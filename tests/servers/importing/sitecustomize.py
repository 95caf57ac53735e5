"""On PYTHONPATH of daemons under test: what they are to import before all else."""

import importlib
import os

for name in os.environ["POSTROOM_TEST_FIRST"].split():
    importlib.import_module(name)
