"""What a script prints: masked, bounded, told as it comes."""

from collections.abc import Callable

from . import secrets

#: Is told the stream ("out" or "err") and what came, masked and bounded.
OnLog = Callable[[str, bytes], None]
#: Of the end of the error stream, for the run's error.
_TAIL = 16_000


class Log:
    """Both streams of one run."""

    def __init__(self, on_log: OnLog, mask: secrets.Mask, most_bytes: int) -> None:
        self._on_log = on_log
        self._streams = {name: secrets.Stream(mask) for name in ("out", "err")}
        self._left = dict.fromkeys(self._streams, most_bytes)
        self._most = most_bytes
        self._mask = mask
        #: The last of the error stream, as it came: what is told of it is masked once more.
        self._tail = b""

    @property
    def tail(self) -> str:
        """The end of the error stream, beginning with a whole line, masked."""
        tail = self._mask.bytes(self._tail)
        if len(tail) > _TAIL:
            tail = b"[...]\n" + tail[-_TAIL:].partition(b"\n")[2]
        return tail.decode(errors="replace").strip()

    def feed(self, stream: str, piece: bytes) -> None:
        """Take what the script printed."""
        if stream == "err":
            # More than is told, so that no secret is cut at its front.
            self._tail = (self._tail + piece)[-4 * _TAIL :]
        if self._left[stream] >= 0:
            self._tell(stream, self._streams[stream].feed(piece))

    def say(self, sentence: str) -> None:
        """Tell what the runner itself has to say."""
        self._on_log("err", f"[{self._mask.text(sentence)}]\n".encode())

    def end(self) -> None:
        """Tell what was held back."""
        for name, stream in self._streams.items():
            if self._left[name] >= 0:
                self._tell(name, stream.end())

    def _tell(self, stream: str, piece: bytes) -> None:
        left = self._left[stream]
        if kept := piece[:left]:
            self._on_log(stream, kept)
        self._left[stream] = left - len(piece)
        if len(piece) > left:
            self._on_log(stream, f"\n[cut: no more than {self._most:,} bytes are kept]\n".encode())
