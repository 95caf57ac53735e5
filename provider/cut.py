"""Where the very first pass stops, for sources that are not asked for all.

Where keys do not sort by time (POP3), the cut is the set of those that are left out.

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

from .sources import Folder, Unsorted

Offer = Callable[[wire.Window], wire.OfferReply]
#: The lowest key to be offered, or the keys that are not; None: all is offered.
Cut = Key | frozenset[Key] | None


def find(folder: Folder, windows: Sequence[wire.Window], offer: Offer) -> Cut:
    """What `first` asks for, and what is known already."""
    if isinstance(folder, Unsorted):
        return folder.left_out(lambda: known(windows, offer)) or None
    first = folder.first_key()
    if first is None:
        return None
    answer = offer(windows[0])
    if answer.rematch:
        return None
    return first if answer.lowest is None else min(first, answer.lowest)


def known(windows: Sequence[wire.Window], offer: Offer) -> set[Key]:
    """The listed keys that the store does not want.

    All, where it knows others but none of these: they may be new names of old mails.
    """
    listed: set[Key] = set()
    wanted: set[Key] = set()
    knows_others = False
    for window in windows:
        answer = offer(window)
        listed.update(window.listed())
        wanted.update(answer.wanted)
        knows_others = answer.lowest is not None
    return listed if knows_others and wanted == listed else listed - wanted


def holds(cut: Cut, windows: Sequence[wire.Window]) -> bool:
    """Whether a cut found before can still be true; above all that is there, it tells nothing."""
    if cut is None or isinstance(cut, frozenset):
        return True
    return cut <= windows[0].high  # type: ignore[operator]


def above(windows: Sequence[wire.Window], cut: Cut) -> list[wire.Window]:
    """The windows with what the cut leaves of them."""
    if cut is None:
        return list(windows)
    if isinstance(cut, frozenset):
        return [
            msgspec.structs.replace(w, keys=[key for key in w.keys if key not in cut])
            for w in windows
        ]
    return _from_lowest(windows, cut)


def _from_lowest(windows: Sequence[wire.Window], lowest: Key) -> list[wire.Window]:
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
