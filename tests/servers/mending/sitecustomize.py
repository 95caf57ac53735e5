"""On PYTHONPATH of a master under test: its parser is of the version that a variable says."""

import os
import runpy
from pathlib import Path

import master.parsers

master.parsers.PARSERS["mail"] = "tests.servers.mending_parser:parse"
master.parsers.PARSER_VERSION = int(os.environ["POSTROOM_TEST_PARSER"])
if "POSTROOM_KILL_AT" in os.environ:
    runpy.run_path(str(Path(__file__).parents[1] / "killing" / "sitecustomize.py"))
