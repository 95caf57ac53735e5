"""A process that greets and does not end when it is asked to."""

import signal
import sys
import time

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.write("hellö\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)
