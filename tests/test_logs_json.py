"""A line of the log as JSON, and the work that it belongs to."""

import json
import logging

from postroom import following, logs


def test_a_line_is_one_object_that_names_the_work_in_hand(tmp_path):
    file = tmp_path / "log"
    before = logging.getLogger().handlers[:]
    logs.configure("info", file, terminal=False, line="json")
    try:
        with following.within(request="abc", run=7):
            logging.getLogger("postroom.test").info("two\nlines")
        logging.getLogger("postroom.test").info("after")
    finally:
        for handler in logging.getLogger().handlers:
            handler.close()
        logging.getLogger().handlers[:] = before

    inside, after = map(json.loads, file.read_text().splitlines())
    assert (inside["request"], inside["run"], inside["message"]) == ("abc", "7", "two\nlines")
    assert inside["time"].endswith("Z")
    assert "request" not in after
