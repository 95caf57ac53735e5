"""What a monitor tells of its pages."""

from postroom.metrics import Metric

OF_PAGE = ("page",)
LOOKS = Metric("postroom_monitor_looks_total", "counter", "Looks at a page.", ("page", "result"))
SECONDS = Metric("postroom_monitor_look_seconds", "histogram",
                 "Seconds of a look, downloads included.")  # fmt: skip
LINKS = Metric("postroom_monitor_links", "gauge", "Files that the page links to.", OF_PAGE)
FILES = Metric("postroom_monitor_files_total", "counter",
               "Files that were asked for, by what came of it.", ("page", "outcome"))  # fmt: skip
BYTES = Metric(
    "postroom_monitor_bytes_total", "counter", "Bytes of files that were stored.", OF_PAGE
)
MAILS = Metric("postroom_monitor_digests_total", "counter", "Digests by mail.", ("result",))
METRICS = (LOOKS, SECONDS, LINKS, FILES, BYTES, MAILS)
