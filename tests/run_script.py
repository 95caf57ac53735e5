"""`python -m tests.run_script CODE ...`: what `python -c` does, where it can be forked."""

import sys

if __name__ == "__main__":
    code = sys.argv[1]
    sys.argv[:2] = ["-c"]
    exec(code, {"__name__": "__main__"})  # noqa: S102 - our own
