"""English."""

from . import log, overview, runs, scripts, settings, shared, users, watched, webhooks

TEXTS: dict[str, str | tuple[str, str]] = {
    **shared.TEXTS,
    **overview.TEXTS,
    **log.TEXTS,
    **users.TEXTS,
    **settings.TEXTS,
    **webhooks.TEXTS,
    **scripts.TEXTS,
    **runs.TEXTS,
    **watched.TEXTS,
}
