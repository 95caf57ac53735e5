"""Where the very first pass stops, for sources that are not asked for all.

The provider keeps no state, so the cut is found again at each start: it is the lowest key that
`first` asks for, or the lowest one that anything is known of, whichever is lower. So nothing is
lost when a first pass was interrupted, when more mails than N came while nobody looked, or when
the store lost mails and wants them again.
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
    if first is None:
        return None
    answer = offer(windows[0])
    if answer.rematch:
        return None
    return first if answer.lowest is None else min(first, answer.lowest)


def holds(lowest: Key | None, windows: Sequence[wire.Window]) -> bool:
    """Whether a cut found before can still be true; above all that is there, it tells nothing."""
    return lowest is None or lowest <= windows[0].high  # type: ignore[operator]


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
