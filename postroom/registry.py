"""Plug-ins by name, imported on first use."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from postroom import house
from postroom.errors import SettingsError


def load(registered: Mapping[str, str], name: str, what: str) -> Any:
    """Return the object that `registered[name]` ("module:attribute") points to.

    Raises SettingsError when the name is not registered or an optional library is missing.
    """
    try:
        module_name, _, attribute = registered[name].partition(":")
    except KeyError:
        known = ", ".join(sorted(registered))
        raise SettingsError(f"unknown {what} {name!r}: expected one of {known}") from None
    try:
        return getattr(import_module(house.module(module_name)), attribute)
    except ModuleNotFoundError as e:
        raise SettingsError(f"{what} {name!r} needs the library {e.name!r}: pip install it") from e
