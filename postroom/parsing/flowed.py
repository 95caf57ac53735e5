"""format=flowed: paragraphs joined again from soft-broken lines (RFC 3676)."""

_SIGNATURE = "-- "


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Join flowed lines of equal quote depth; `delete_space` is the parameter DelSp."""
    pieces: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        depth, content = _unquoted(line)
        if open_depth != depth or content == _SIGNATURE:
            pieces.append("\n" + ">" * depth + (" " if depth and content else ""))
        flows = content.endswith(" ") and content != _SIGNATURE
        pieces.append(content[:-1] if flows and delete_space else content)
        open_depth = depth if flows else -1
    return "".join(pieces)[1:]


def _unquoted(line: str) -> tuple[int, str]:
    content = line.lstrip(">")
    # One space may be stuffed before any line that begins with a space, ">" or "From ".
    return len(line) - len(content), content.removeprefix(" ")
