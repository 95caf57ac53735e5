"""Which pages a command line means."""

from collections.abc import Mapping, Sequence

from postroom import wire
from postroom.errors import SettingsError
from postroom.settings import Config

from .pages import Page, pages


def named(config: Config, names: Sequence[str]) -> Mapping[str, Page]:
    """The pages of these names, all without one; SettingsError where there is none to watch."""
    known = pages(config)
    if not known:
        raise SettingsError(
            f"{config.shown}: there is no page: add a section [page NAME] with its url, "
            "or set FM_WEBPAGE_URL where there is no such file"
        )
    if missing := [name for name in names if name not in known]:
        raise SettingsError(
            f"{config.shown}: there is no [page {missing[0]}]: expected one of {', '.join(known)}"
        )
    if len(known) > wire.MAX_WATCHED:
        raise SettingsError(
            f"{config.shown}: {len(known)} pages are too many for one monitor: "
            f"watch at most {wire.MAX_WATCHED}, and the others with another file"
        )
    return {name: known[name] for name in names or known}
