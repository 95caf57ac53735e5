"""Whether the server still means the same mails by the same UIDs."""

from collections.abc import Sequence

from postroom import wire

from .sources import Folder


def hold(folder: Folder, held: Sequence[wire.Sample]) -> bool:
    """Compare what the store holds with what the server has; mails that have gone say nothing."""
    if not held:
        return True
    there = {sample.key: sample for sample in folder.samples([sample.key for sample in held])}
    return all(_same(sample, there[sample.key]) for sample in held if sample.key in there)


def _same(held: wire.Sample, there: wire.Sample) -> bool:
    if held.size and there.size and held.size != there.size:
        return False
    known, found = _bare(held.message_id), _bare(there.message_id)
    # The store has what its parser made of the field: the beginning of it, a part, or nothing.
    return known in found or not (_plain(known) and _plain(found))


def _plain(message_id: str) -> bool:
    """Whether no parser decodes it."""
    return message_id.isascii() and message_id.isprintable() and "=?" not in message_id


def _bare(message_id: str) -> str:
    return "".join(message_id.split()).strip("<>")
