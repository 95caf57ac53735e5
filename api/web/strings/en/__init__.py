"""English."""

from . import overview, shared, users

TEXTS: dict[str, str | tuple[str, str]] = {**shared.TEXTS, **overview.TEXTS, **users.TEXTS}
