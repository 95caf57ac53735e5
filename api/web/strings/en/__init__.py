"""English."""

from . import log, overview, shared, users

TEXTS: dict[str, str | tuple[str, str]] = {
    **shared.TEXTS,
    **overview.TEXTS,
    **log.TEXTS,
    **users.TEXTS,
}
