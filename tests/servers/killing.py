"""For daemons under test to import first: the process dies at a named point, once in all.

POSTROOM_KILL_AT is module:attribute:before|after:count; POSTROOM_KILL_FLAG is a file that says
that it has happened.
"""

import functools
import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULE, ATTRIBUTE, WHEN, COUNT = os.environ["POSTROOM_KILL_AT"].split(":")
FLAG = os.environ["POSTROOM_KILL_FLAG"]


class _Finder(importlib.abc.MetaPathFinder):
    """Sees to it when the module is imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        loader: Any = spec.loader
        execute = loader.exec_module

        def patched(module: ModuleType) -> None:
            execute(module)
            _patch(module)

        loader.exec_module = patched
        return spec


def _patch(module: ModuleType) -> None:
    *owners, name = ATTRIBUTE.split(".")
    owner: Any = functools.reduce(getattr, owners, module)
    before = getattr(owner, name)
    after = _deadly(before)
    setattr(owner, name, after)
    for other in list(sys.modules.values()):
        # Who has taken it from there already.
        if vars(other).get(name) is before:
            setattr(other, name, after)


def _deadly(function: Callable[..., Any]) -> Callable[..., Any]:
    left = int(COUNT)

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if WHEN == "before" and left <= 0:
            _die()
        result = function(*arguments, **named)
        if WHEN == "after" and left <= 0:
            _die()
        return result

    return called


def _die() -> None:
    try:
        os.close(os.open(FLAG, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if MODULE in sys.modules:
    _patch(sys.modules[MODULE])
else:
    sys.meta_path.insert(0, _Finder())
