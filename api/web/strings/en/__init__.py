"""English."""

from . import log, mails, overview, runs, scripts, settings, shared, users, watched, webhooks

TEXTS: dict[str, str | tuple[str, str]] = {
    **shared.TEXTS,
    **overview.TEXTS,
    **mails.TEXTS,
    **log.TEXTS,
    **users.TEXTS,
    **settings.TEXTS,
    **webhooks.TEXTS,
    **scripts.TEXTS,
    **runs.TEXTS,
    **watched.TEXTS,
}
