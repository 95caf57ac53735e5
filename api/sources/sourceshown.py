"""What the API shows of any source, be it a mailbox or a page."""

from typing import Any

from ..models import Source


def stands(source: Source) -> dict[str, Any]:
    """How it stands: fields that the answers of both have."""
    return {
        "name": source.name,
        "state": source.state,
        "interval": source.interval,
        "seen": source.seen or None,
        "error": source.error,
        "failing_since": source.failed or None,
        "last_error": source.last_error,
        "last_error_at": source.last_error_at or None,
        "created": source.created,
        "changed": source.changed,
    }
