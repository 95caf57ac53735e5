"""For a master under test to import first: its parser is of the version that a variable says."""

import os

import master.parsers

master.parsers.PARSERS["mail"] = "tests.servers.mending_parser:parse"
master.parsers.PARSER_VERSION = int(os.environ["POSTROOM_TEST_PARSER"])
