"""English."""

from . import log, overview, runs, scripts, shared, users

TEXTS: dict[str, str | tuple[str, str]] = {
    **shared.TEXTS,
    **overview.TEXTS,
    **log.TEXTS,
    **users.TEXTS,
    **scripts.TEXTS,
    **runs.TEXTS,
}
