"""What a provider tells of its mailboxes."""

from postroom.metrics import Metric

OF_MAILBOX = ("mailbox",)
PUSHED = Metric("postroom_provider_mails_total", "counter",
                "Mails that were pushed, by what the master made of them.",
                ("mailbox", "status"))  # fmt: skip
BYTES = Metric("postroom_provider_bytes_total", "counter", "Bytes that were pushed.", OF_MAILBOX)
ERRORS = Metric("postroom_provider_errors_total", "counter",
                "Sessions and folders that failed.", OF_MAILBOX)  # fmt: skip
CONNECTS = Metric("postroom_provider_connects_total", "counter",
                  "Connections that were made to the server.", OF_MAILBOX)  # fmt: skip
PASSED = Metric("postroom_provider_last_pass_timestamp_seconds", "gauge",
                "When the folders were last passed over to their end.", OF_MAILBOX)  # fmt: skip
STATE = Metric("postroom_provider_mailbox_up", "gauge",
               "1: the last pass went well; 0: it failed, or there was none.",
               OF_MAILBOX)  # fmt: skip
METRICS = (PUSHED, BYTES, ERRORS, CONNECTS, PASSED, STATE)
