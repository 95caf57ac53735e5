"""English."""

from . import log, overview, settings, shared, users, webhooks

TEXTS: dict[str, str | tuple[str, str]] = {
    **shared.TEXTS,
    **overview.TEXTS,
    **log.TEXTS,
    **users.TEXTS,
    **settings.TEXTS,
    **webhooks.TEXTS,
}
