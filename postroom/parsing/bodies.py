"""What of a mail is its text, what its HTML, and what is attached."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from postroom.parsing import attachments
from postroom.parsing.charsets import Decoder
from postroom.parsing.flowed import unflow
from postroom.parsing.html_text import html_to_text
from postroom.parts import Node
from postroom.parts.enclosed import opened, without_files
from postroom.parts.pieces import Span
from postroom.records import Attachment

#: Where a page names its own charset, if it does.
META_BYTES = 4_096

#: Characters of text, and of HTML, that are kept of a mail.
MAX_TEXT = 2 * 1024 * 1024
#: Bytes that so many characters can have, and their bytes when each is escaped.
_CONTENT = 4 * MAX_TEXT
_ESCAPED = 3 * _CONTENT

_TEXTS = frozenset({"text/plain", "text/html"})
_META = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,200}(?:charset|encoding)\s*=\s*[\"']?([\w:.-]{2,40})", re.IGNORECASE
)
# The look-behind keeps long runs linear: only the first of a run is a place to begin.
_DOUBLED_LINE_END = re.compile(r"(?<!\r)\r+\n")


class Bodies(NamedTuple):
    """The contents of one mail; mails within it are `inner`, to be read the same way."""

    text: str
    html: str
    attachments: list[Attachment]
    inner: list[Node]


class _Lists(NamedTuple):
    """Bodies in the making; None where an alternative has settled for the other kind."""

    text: list[Node] | None
    html: list[Node] | None


def read(root: Node, decoder: Decoder) -> Bodies:
    """Decode the bodies of the mail that begins at `root` and index what is attached."""
    text: list[Node] = []
    html: list[Node] = []
    _sort([root], "mixed", False, _Lists(text, html))
    bodies = {id(node) for node in [*text, *html]}
    if not bodies:
        text += _only_text(root)
    attached: list[Attachment] = []
    inner: list[Node] = []
    for node in _leaves(root):
        if id(node) not in bodies:
            attached += attachments.index(node, decoder)
        elif attachments.encloses(node):
            attached += attachments.index_enclosed(node, decoder)
        inner += node.parts if node.is_message else ()
    html = [node for node in html if node.type == "text/html"]
    decoded = _all_decoded([text, html], decoder)
    markup = "\n".join(decoded[id(node)] for node in html if id(node) in decoded)
    shown = (
        _readable(node, decoded[id(node)], decoder.defects) for node in text if id(node) in decoded
    )
    plain = "\n".join(filter(None, shown))
    if not plain.strip() and markup:
        plain = html_to_text(markup, decoder.defects)
    return Bodies(cut(plain, decoder.defects), cut(markup, decoder.defects), attached, inner)


def _all_decoded(lists: list[list[Node]], decoder: Decoder) -> dict[int, str]:
    """Decode the parts of each list, as many as are kept.

    Most parts are in both lists, and decoding is the dear part.
    """
    decoded: dict[int, str] = {}
    for nodes in lists:
        size = 0
        for node in nodes:
            if size > MAX_TEXT:
                break
            if id(node) not in decoded:
                decoded[id(node)] = _decoded(node, decoder)
            size += len(decoded[id(node)])
    return decoded


def cut(text: str, defects: set[str]) -> str:
    """Return as much of a text as is kept."""
    if len(text) <= MAX_TEXT:
        return text
    defects.add("text_cut")
    return text[:MAX_TEXT]


def _leaves(node: Node) -> Iterator[Node]:
    if node.boundary:
        for part in node.parts:
            yield from _leaves(part)
    else:
        yield node


def _only_text(root: Node) -> list[Node]:
    """Return the first text of another kind (enriched, calendar): some mails are nothing else."""
    shown = (
        node
        for node in _leaves(root)
        if node.type.startswith("text/") and not _is_text(node) and attachments.is_shown(node)
    )
    return list(islice(shown, 1))


def _is_text(node: Node) -> bool:
    # A multipart without delimiters is read as what it is to the eye.
    return node.type in _TEXTS or (node.type.startswith("multipart/") and not node.boundary)


def _sort(parts: list[Node], within: str, in_alternative: bool, lists: _Lists) -> None:
    """Put parts where a reader expects them: the algorithm of RFC 8621, 4.1.4."""
    outer = lists
    texts, htmls = len(lists.text or ()), len(lists.html or ())
    for number, part in enumerate(parts):
        if part.boundary:
            kind = part.type.removeprefix("multipart/")
            _sort(part.parts, kind, in_alternative or kind == "alternative", lists)
        elif _is_text(part) and attachments.is_body(part, number, within):
            if in_alternative and within != "alternative":
                is_html = part.type == "text/html"
                lists = _Lists(None if is_html else lists.text, lists.html if is_html else None)
            _place(part, within, lists)
    if within == "alternative" and outer.text is not None and outer.html is not None:
        if len(outer.text) == texts:
            outer.text.extend(outer.html[htmls:])
        elif len(outer.html) == htmls:
            outer.html.extend(outer.text[texts:])


def _place(part: Node, within: str, lists: _Lists) -> None:
    is_html = part.type == "text/html"
    if lists.text is not None and not (is_html and within == "alternative"):
        lists.text.append(part)
    if lists.html is not None and (is_html or within != "alternative"):
        lists.html.append(part)


def _readable(node: Node, decoded: str, defects: set[str]) -> str:
    if node.type == "text/html":
        return html_to_text(decoded, defects)
    style = node.parameters.get("format")
    if style and style.value.lower() == "flowed":
        delete = node.parameters.get("delsp")
        return unflow(decoded, delete_space=delete is not None and delete.value.lower() == "yes")
    return decoded


def _content(node: Node, defects: set[str]) -> bytes:
    """Return the bytes of a text without files in it, or as many as what is kept of it can have."""
    text: Span | None = None
    if node.end - node.start <= _CONTENT:
        content = node.content(defects)
        text = Span(content, 0, len(content))
    elif node.type != "text/html" and attachments.encloses(node):
        text = opened(node, defects)
    if text is None:
        most = node.start + (_ESCAPED if node.encoding else _CONTENT)
        end = _line_end(node.source, node.start, min(node.end, most))
        text = opened(replace(node, end=end), defects) or node.span
    content = bytes(text) if node.type == "text/html" else without_files(text, _CONTENT + 1)
    return content[: _line_end(content, 0, _CONTENT)] if len(content) > _CONTENT else content


def _line_end(text: bytes, start: int, most: int) -> int:
    """Return where the last line before `most` ends: a cut there breaks no character."""
    return text.rfind(b"\n", start, most) + 1 or most


def _decoded(node: Node, decoder: Decoder) -> str:
    content = _content(node, decoder.defects)
    meta = _META.search(content[:META_BYTES]) if node.type == "text/html" else None
    hint = meta[1].decode("ascii", "replace") if meta else ""
    text = decoder.decode(content, attachments.charset_of(node) or hint, hint)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\r" in text:
        text = _DOUBLED_LINE_END.sub("\n", text).replace("\r", "\n")
    return cut(text.removeprefix("\ufeff"), decoder.defects)
