"""Whole numbers as they stand in addresses, headers and forms."""

#: Digits of the largest number that a column holds.
_DIGITS = 19


def whole(text: str, least: int, most: int) -> int | None:
    """The number that a text is, within bounds; None for all else, however long."""
    # Python takes digits of every script, and refuses to read thousands of them.
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    number = int(text)
    return number if least <= number <= most else None
