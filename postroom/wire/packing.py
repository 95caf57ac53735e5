"""msgpack, with bounds on all that is read."""

from typing import Any

import msgpack

from postroom.errors import WireError


def pack(value: Any) -> bytes:
    """Encode plain Python values as msgpack."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def unpack(data: bytes | memoryview, *, longest: int = 64 * 1024, most: int = 20_000) -> Any:
    """Decode untrusted msgpack; `longest` bounds texts in bytes, `most` arrays and maps in items.

    Raises WireError for whatever is not plain, whole and within the bounds.
    """
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_str_len=longest,
            max_bin_len=longest,
            max_array_len=most,
            max_map_len=min(most, 1_000),
            max_ext_len=0,
        )
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as e:
        raise WireError(f"not a msgpack value within the bounds: {e or type(e).__name__}") from e
