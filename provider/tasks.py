"""What a waiting source may be asked to do."""

from typing import Any

from postroom.wire import Key

#: sync: pass over the folders now; fetch: one mail again; verify: log in anew, sync, and compare
#: samples.
KINDS = ("sync", "fetch", "verify")


def target_key(target: dict[str, Any]) -> Key | None:
    """The key that a task names: a UID, or a text for sources without."""
    key = target.get("key", target.get("uid"))
    if isinstance(key, bool) or not isinstance(key, int | str) or not key:
        return None
    return key
