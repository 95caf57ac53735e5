"""The first thing inside: takes on its limits, then runs the script, once or item after item.

python -I -c START LIBRARY once|many:ORDERS:ANSWERS IN OUTPUT [LIMIT=NUMBER ...]

START puts LIBRARY, the folder of this file, on the path and calls `main`: a module is compiled
once for all runs, a file that is run would be each time.

Standard input holds what must not lie in a file (see postroom_script). With `many`, the descriptor
ORDERS brings a line with the number of each item, and one line of JSON to ANSWERS says it is done.
"""

from __future__ import annotations

# What `os` is made of: to import that takes longer than all else here.
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, TracebackType
    from typing import Any


def main() -> None:
    """Do what the command line says."""
    how, told, output_folder, *limits = sys.argv[1:]
    if limits:
        _limit(limits)
    # The script's children get neither this descriptor nor an input that somebody waits for.
    hidden = posix.dup(0)
    null = posix.open("/dev/null", posix.O_RDONLY)
    posix.dup2(null, 0)
    posix.close(null)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    script = f"{told}/script.py"
    sys.argv = [script]
    sys.excepthook = _excepthook
    with open(script, "rb") as file:
        code = compile(file.read(), script, "exec", dont_inherit=True)
    if how == "once":
        _once(code, told, output_folder, hidden)
    else:
        _many(code, told, output_folder, hidden, [int(fd) for fd in how.split(":")[1:]])


def _limit(limits: list[str]) -> None:
    import resource  # noqa: PLC0415

    for limit in limits:
        name, _, number = limit.partition("=")
        which = getattr(resource, f"RLIMIT_{name}", None)
        if which is not None:
            hard = resource.getrlimit(which)[1]
            most = int(number) if hard == resource.RLIM_INFINITY else min(int(number), hard)
            resource.setrlimit(which, (most, most))


def _once(code: CodeType, told: str, output_folder: str, hidden: int) -> None:
    from postroom_script import (  # type: ignore[import-not-found]  # noqa: PLC0415
        context,
        output,
    )

    context._begin(told, hidden)
    output._begin(output_folder)
    try:
        _run(code)
    finally:
        output.flush()


def _many(code: CodeType, told: str, output_folder: str, hidden: int, fds: list[int]) -> None:
    import json  # noqa: PLC0415

    from postroom_script import context, output  # noqa: PLC0415

    for fd in fds:
        posix.set_inheritable(fd, False)
    with open(fds[0]) as orders, open(fds[1], "w", buffering=1) as answers:
        work = posix.getcwd()
        for line in orders:
            number = line.strip()
            posix.chdir(work)
            context._begin(f"{told}/{number}", hidden)
            output._begin(f"{output_folder}/{number}")
            error = _tried(code)
            try:
                output._end()
            except OSError as e:
                error = error or f"output.txt: {e}"
            answers.write(json.dumps([number, error]) + "\n")


def _tried(code: CodeType) -> str:
    """Run it for one item; what went wrong, or nothing."""
    try:
        _run(code)
    except SystemExit as e:
        if e.code in (None, 0):
            return ""
        return f"exit status {e.code}" if isinstance(e.code, int) else str(e.code)
    except BaseException as e:  # noqa: BLE001 - one item's end is not the batch's
        import traceback  # noqa: PLC0415

        return "".join(traceback.format_exception(type(e), e, _own(e.__traceback__)))[-20_000:]
    return ""


def _run(code: CodeType) -> None:
    module: Any = type(sys)("__main__")
    module.__file__ = code.co_filename
    sys.modules["__main__"] = module
    exec(code, module.__dict__)  # noqa: S102 - what all of this is for


def _excepthook(kind: type[BaseException], e: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, e.with_traceback(_own(trace)), None)


def _own(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames above the script's own."""
    while trace and trace.tb_frame.f_code.co_filename in (__file__, "<string>"):
        trace = trace.tb_next
    return trace
