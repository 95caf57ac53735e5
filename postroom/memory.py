"""Large contents in memory: once."""

import io
from collections.abc import Iterable


def joined(pieces: Iterable[bytes]) -> bytes:
    """Join pieces without having all of them in memory beside the whole."""
    whole = io.BytesIO()
    whole.writelines(pieces)
    # No copy: the buffer itself, as nobody else has it.
    return whole.getvalue()
