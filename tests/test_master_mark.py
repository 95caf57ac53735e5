"""The mark of a worker: what a dead process set is still to be seen."""

import subprocess
import sys
from contextlib import closing

import pytest

from master.mark import Mark

DYING = """
import os, sys
from master.mark import Mark
mark = Mark(*map(int, sys.argv[2:]))
if sys.argv[1] != "before":
    mark.set()
if sys.argv[1] == "after":
    mark.lift()
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(("when", "marked"), [("before", False), ("with", True), ("after", False)])
def test_a_killed_process_leaves_the_mark_of_what_it_had_in_hand(when, marked):
    with closing(Mark.make()) as mark:
        argv = [sys.executable, "-c", DYING, when, *map(str, mark.files)]
        subprocess.run(argv, check=False, pass_fds=mark.files)

        assert mark.lift() is marked
        assert not mark.lift()
