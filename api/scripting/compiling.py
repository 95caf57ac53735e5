"""Whether a text is a script: Python that compiles. It is never run here."""

import hashlib

from postroom.errors import RefusedError

#: Bytes of UTF-8.
MAX_SOURCE = 1024 * 1024


def check(name: str, source: str) -> None:
    """Raise RefusedError, with the line and what stands there, for what is no script."""
    if len(source) > MAX_SOURCE:
        raise _bad(
            f"the source of {name} has over {MAX_SOURCE // 1024} KB: a script is a text of one page"
        )
    try:
        source.encode()
        compile(source, f"{name}.py", "exec", dont_inherit=True)
    except SyntaxError as e:
        where = f"line {e.lineno}: " if e.lineno else ""
        line = f': "{e.text.strip()[:200]}"' if e.text and e.text.strip() else ""
        raise _bad(f"the source of {name} does not compile: {where}{e.msg}{line}") from e
    except UnicodeEncodeError as e:
        raise _bad(
            f"the source of {name} is not text: there is half a character at {e.start}"
        ) from e
    except (ValueError, OverflowError) as e:
        raise _bad(f"the source of {name} does not compile: {e}") from e
    except (RecursionError, MemoryError) as e:
        raise _bad(f"the source of {name} does not compile: it is nested too deeply") from e


def sha256(source: str) -> str:
    """By what versions are told apart."""
    return hashlib.sha256(source.encode()).hexdigest()


def _bad(text: str) -> RefusedError:
    return RefusedError("bad_script", text)
