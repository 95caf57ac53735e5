"""Bytes to stored bytes and back: zstandard level 1, or raw where that does not pay."""

import threading

import zstandard

from . import ObjectDamagedError

_RAW = "raw"
_ZSTD = "zstd"


class Codec(threading.local):
    """A compressor and a decompressor for each thread: neither may be shared."""

    def __init__(self) -> None:
        # The checksum costs nothing measurable and lets every read notice damage.
        self._compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
        self._decompressor = zstandard.ZstdDecompressor()

    def pack(self, body: bytes | memoryview) -> tuple[str, bytes | memoryview]:
        """Return the codec's name and the bytes to store."""
        packed = self._compressor.compress(body)
        # Less than a sixteenth saved is not worth the reader's time.
        return (_ZSTD, packed) if len(packed) < len(body) * 15 // 16 else (_RAW, body)

    def unpack(self, codec: str, stored: bytes, size: int) -> bytes:
        """Return the original bytes; raises ObjectDamagedError unless they are whole."""
        body = self._decompress(stored, size) if codec == _ZSTD else stored
        if len(body) != size:
            raise ObjectDamagedError(f"{len(body)} bytes are stored where there were {size}")
        return body

    def _decompress(self, stored: bytes, size: int) -> bytes:
        try:
            # Asked before anything is allocated: a damaged header may promise terabytes.
            if zstandard.frame_content_size(stored) != size:
                raise ObjectDamagedError(f"the stored frame does not hold {size} bytes")
            return self._decompressor.decompress(stored)
        except zstandard.ZstdError as e:
            raise ObjectDamagedError(f"the stored bytes do not decompress: {e}") from e
