"""What the types of a request cannot say of it."""

from .fields import MAX_PART, MAX_WINDOW, Key
from .kinds import AnyRequest
from .requests import Item, Offer, Part, Pass, PassWindow, Push, Window


def check(request: AnyRequest, body: int) -> None:
    """Raise ValueError when a request contradicts itself or its body of so many bytes."""
    match request:
        case Push():
            _check_items(request.items, body)
        case Part():
            if not 0 < body <= MAX_PART:
                raise ValueError(f"a part has 1 to {MAX_PART} bytes, this one {body}")
        case Offer(window=Window() as window) | Pass(window=PassWindow(window=Window() as window)):
            _check_window(window)
    if not isinstance(request, Push | Part) and body:
        raise ValueError("this command has no body")


def _check_items(items: list[Item], body: int) -> None:
    told = sum(item.length for item in items)
    if told != body:
        raise ValueError(f"the items have {told} bytes together, the body {body}")
    if len({item.key for item in items}) != len(items):
        raise ValueError("a key stands twice in one push")
    for item in items:
        if bool(item.outcome) and (item.length or item.upload):
            raise ValueError(f"item {item.key} has an outcome and bytes")
        if item.upload and item.length:
            raise ValueError(f"item {item.key} has an upload and bytes")


def _check_window(window: Window) -> None:
    if type(window.low) is not type(window.high) or window.low > window.high:  # type: ignore[operator]
        raise ValueError("a window's low must not be above its high")
    if window.keys:
        _check_inside(window, min(window.keys), max(window.keys))
    if window.ranges:
        _check_ranges(window)


def _check_ranges(window: Window) -> None:
    if window.keys:
        raise ValueError("a window has ranges or keys, not both")
    if sum(high - low + 1 for low, high in window.ranges) > MAX_WINDOW:
        raise ValueError(f"a window lists at most {MAX_WINDOW} keys")
    above = 0
    for low, high in window.ranges:
        if not above < low <= high:
            raise ValueError("ranges must rise and not touch twice")
        above = high
    _check_inside(window, window.ranges[0][0], above)


def _check_inside(window: Window, lowest: Key, highest: Key) -> None:
    if type(lowest) is not type(window.low) or lowest < window.low or highest > window.high:  # type: ignore[operator]
        raise ValueError("a listed key lies outside the window")
