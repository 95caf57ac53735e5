"""Where the very first pass stops, for sources that are not asked for all.

The provider keeps no state, so the cut is found again at each start: it is the lowest key that
`first` asks for, or the lowest one that the store already knows, whichever is lower. So nothing
is lost when a first pass was interrupted, or when more mails than N came while nobody looked.
After a changed UIDVALIDITY the store cannot be asked which of the new UIDs it knows: all is
offered, and what it knows is found by its headers.
"""

from collections.abc import Callable, Sequence

import msgspec

from postroom import wire
from postroom.wire import Key

from .sources import Folder

Offer = Callable[[wire.Window], wire.OfferReply]


def find(folder: Folder, windows: Sequence[wire.Window], offer: Offer) -> Key | None:
    """The lowest key to be offered; None for all."""
    first = folder.first_key()
    if first is None or offer(windows[0]).rematch:
        return None
    for window in reversed(windows):
        if window.low >= first:  # type: ignore[operator]
            break
        answer = offer(window)
        lacking = set(answer.wanted)
        # With more wanted than an answer holds, what is below them is unknown: take it in.
        known = [key for key in window.listed() if key not in lacking]
        if known:
            return min(first, *known)
    return first


def above(windows: Sequence[wire.Window], lowest: Key | None) -> list[wire.Window]:
    """The windows from that key on."""
    if lowest is None:
        return list(windows)
    kept = [w for w in windows if w.high >= lowest]  # type: ignore[operator]
    if not kept:
        # All that is there is older: an empty window tells the server's count all the same.
        top = windows[0]
        return [msgspec.structs.replace(top, low=top.high, ranges=[], keys=[])]
    if kept[-1].low < lowest:  # type: ignore[operator]
        kept[-1] = _from(kept[-1], lowest)
    return kept


def _from(window: wire.Window, lowest: Key) -> wire.Window:
    if isinstance(lowest, str):
        keys = [key for key in window.keys if key >= lowest]
        return msgspec.structs.replace(window, low=lowest, keys=keys)
    ranges = [(max(low, lowest), high) for low, high in window.ranges if high >= lowest]
    return msgspec.structs.replace(window, low=lowest, ranges=ranges)
