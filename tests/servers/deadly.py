"""For a master under test to import first: its workers parse with the deadly parser."""

import master.parsers

master.parsers.PARSERS["mail"] = "tests.servers.deadly_parser:parse"
