"""Readable text of an HTML body: paragraphs, lists, tables, quotes and links."""

import re
from html import unescape
from typing import Any

from lxml import etree
from lxml import html as lxml_html

#: Characters of markup that are made text, and elements that are walked through.
MAX_MARKUP = 2_000_000
MAX_ELEMENTS = 60_000
#: Tags beyond which their attributes are not looked at one by one.
MAX_TAGS = 4 * MAX_ELEMENTS

_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "dl", "table", "pre", "hr",
     "fieldset"}
)  # fmt: skip
_BLOCKS = _PARAGRAPHS | {
    "address", "article", "aside", "body", "caption", "center", "dd", "details", "div", "dt",
    "figcaption", "figure", "footer", "form", "header", "html", "legend", "li", "main", "nav",
    "section", "summary", "tbody", "tfoot", "thead", "title", "tr",
}  # fmt: skip
_SKIPPED = frozenset(
    {"head", "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "select"}
)
_CELLS = frozenset({"td", "th"})
_LISTS = frozenset({"ul", "ol"})
_ITEMS = _LISTS | {"li"}
_SPACES = re.compile(r"[ \t\r\n\f\v\xa0\u200b\u200c\ufeff\xad]+")
_TAG = re.compile(r"<[^<>]*>")
_TAG_BEGINS = re.compile("<[a-zA-Z]")
#: A tag with two hundred attributes: the library compares each with all others.
_CROWDED = re.compile(
    r"<[a-zA-Z][^\s/>]*+(?:[\s/]*+[^\s/>][^\s/>=]*+"
    r"(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>]*+))?){200}"
)
_LINK = re.compile(r"(?:https?|ftp|mailto):", re.IGNORECASE)


def html_to_text(markup: str, defects: set[str]) -> str:
    """Return what a reader would see; never raises."""
    if len(markup) > MAX_MARKUP:
        defects.add("html_cut")
        markup = markup[:MAX_MARKUP]
    if count_tags(markup) > MAX_TAGS or is_crowded(markup):
        return _unshaped(markup, defects)
    # The markup is text by now: what charset the page names itself no longer matters.
    parser = lxml_html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = lxml_html.document_fromstring(markup.encode(), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return ""
    if parser.error_log.filter_from_fatals():
        # Deeper than the library goes.
        return _unshaped(markup, defects)
    return _Writer(defects).write(root)


def count_tags(markup: str) -> int:
    """How many elements there may be."""
    return len(_TAG_BEGINS.findall(markup))


def is_crowded(markup: str) -> bool:
    """Whether a tag has so many attributes that a tree would take too long."""
    return bool(_CROWDED.search(markup))


def _unshaped(markup: str, defects: set[str]) -> str:
    """Better the words without their shape than no words."""
    defects.add("html_cut")
    return _SPACES.sub(" ", unescape(_TAG.sub(" ", markup))).strip()


class _Writer:
    """Puts pieces of text together with no more line ends than asked for."""

    def __init__(self, defects: set[str]) -> None:
        self._defects = defects
        self._lines: list[str] = []
        self._line: list[str] = []
        self._needs_empty_line = False
        self._space = False
        self._quotes = 0
        self._last_quotes = 0
        #: True after "- " or "1. ": the paragraph of an item begins on the same line.
        self._fresh_item = False
        self._preformatted = 0
        #: For each open list the number of its next item, 0 where items have none.
        self._lists: list[int] = []

    def write(self, root: Any) -> str:
        """Walk the tree without recursion: bodies may nest deeper than Python calls."""
        left = MAX_ELEMENTS
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if element.tag in _SKIPPED:
                if event == "start":
                    walk.skip_subtree()
                else:
                    self._text(element.tail)
            elif event == "start":
                left -= 1
                if not left:
                    self._defects.add("html_cut")
                    break
                self._start(element)
                self._text(element.text)
            else:
                self._end(element)
                self._text(element.tail)
        self._end_line()
        return "\n".join(self._lines).strip("\n")

    def _start(self, element: Any) -> None:
        tag = element.tag
        if tag == "br":
            self._end_line(empty=True)
        elif tag == "img":
            self._text(element.get("alt"))
        elif tag in _CELLS:
            self._space = bool(self._line)
        elif tag in _BLOCKS:
            if not self._fresh_item or tag in _ITEMS:
                self._end_line()
            self._needs_empty_line |= tag in _PARAGRAPHS and not self._lists
            self._open(tag)

    def _open(self, tag: str) -> None:
        if tag == "pre":
            self._preformatted += 1
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "hr":
            self._line.append("----")
        elif tag in _LISTS:
            self._lists.append(1 if tag == "ol" else 0)
        elif tag == "li":
            self._line.append(self._item())
            self._fresh_item = True

    def _item(self) -> str:
        indent = "  " * (len(self._lists) - 1)
        number = self._lists[-1] if self._lists else 0
        if not number:
            return f"{indent}- "
        self._lists[-1] += 1
        return f"{indent}{number}. "

    def _end(self, element: Any) -> None:
        tag = element.tag
        if tag == "a":
            self._link(element)
        elif tag in _BLOCKS:
            self._end_line()
            if tag == "pre":
                self._preformatted -= 1
            elif tag == "blockquote":
                self._quotes -= 1
            elif tag in _LISTS:
                self._lists.pop()
            self._needs_empty_line |= tag in _PARAGRAPHS and not self._lists

    def _link(self, element: Any) -> None:
        """Put the target behind the words of a link that do not name it themselves."""
        target = _SPACES.sub("", element.get("href") or "")
        bare = target.removeprefix("mailto:").rstrip("/")
        if _LINK.match(target) and bare not in "".join(self._line[-3:]):
            self._space = bool(self._line)
            self._text(f"<{target}>")

    def _end_line(self, *, empty: bool = False) -> None:
        """End the line; with `empty` also one that holds nothing."""
        if self._line:
            self._put("".join(self._line).rstrip(" "))
            self._line = []
        elif empty:
            self._needs_empty_line = True
        self._space = self._fresh_item = False

    def _put(self, line: str) -> None:
        depth = min(self._quotes, 20)
        if self._needs_empty_line and self._lines:
            self._lines.append(">" * min(depth, self._last_quotes))
        self._needs_empty_line = False
        self._last_quotes = depth
        self._lines.append(f"{'>' * depth} {line}" if depth else line)

    def _text(self, text: str | None) -> None:
        if not text:
            return
        if self._preformatted:
            self._verbatim(text)
            return
        words = _SPACES.sub(" ", text)
        line = self._line
        if words == " ":
            self._space = bool(line)
            return
        if line and (self._space or words[0] == " ") and line[-1][-1] != " ":
            line.append(" ")
        line.append(words.strip(" "))
        self._fresh_item = False
        self._space = words[-1] == " "

    def _verbatim(self, text: str) -> None:
        first, *others = text.replace("\r", "").split("\n")
        if first:
            self._line.append(first)
        for line in others:
            self._end_line(empty=True)
            if line:
                self._line.append(line)
