"""HTML that strangers wrote, made safe: only what is known to be harmless is let through.

Three walls, each enough: this cleaning, the policy that the document is served under, and the
sandbox of the frame that it is shown in.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

import nh3
from lxml import etree
from lxml import html as lxml_html

from postroom.parsing.html_text import count_tags, is_crowded

#: Tags, and elements within each other: the cleaner takes time by their number times their depth.
MAX_TAGS = 60_000
MAX_DEPTH = 250
#: Tags times open elements of those that a parser opens again in each paragraph: so often may it.
MAX_OPENED_AGAIN = 500_000
_OPENED_AGAIN = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt",
     "u"}
)  # fmt: skip
TAGS = frozenset(
    {"a", "abbr", "address", "article", "aside", "b", "big", "blockquote", "br", "caption",
     "center", "cite", "code", "col", "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em",
     "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
     "i", "img", "ins", "kbd", "li", "main", "mark", "nav", "ol", "p", "pre", "q", "s", "samp",
     "section", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td",
     "tfoot", "th", "thead", "time", "tr", "tt", "u", "ul", "var"}
)  # fmt: skip
#: Of these not even the words within are for reading.
_DROPPED = frozenset(
    {"script", "style", "title", "head", "template", "noscript", "iframe", "frameset", "object",
     "embed", "applet", "svg", "math", "select", "textarea", "audio", "video", "xmp", "noembed",
     "noframes", "plaintext"}
)  # fmt: skip
_EVERYWHERE = {"align", "dir", "lang", "style", "title"}
_CELL = {"bgcolor", "valign", "width", "height", "nowrap"}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": _EVERYWHERE,
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "border", "hspace", "vspace"},
    "font": {"color", "face", "size"},
    "table": {"bgcolor", "border", "cellpadding", "cellspacing", "height", "width", "summary"},
    "td": {*_CELL, "colspan", "rowspan", "abbr"},
    "th": {*_CELL, "colspan", "rowspan", "abbr", "scope"},
    "tr": _CELL,
    "tbody": {"valign"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "hr": {"color", "noshade", "size", "width"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "li": {"type", "value"},
    "time": {"datetime"},
}
#: Nothing that leaves its place or loads anything.
_STYLES = frozenset(
    {"background", "background-color", "border-collapse", "border-color", "border-radius",
     "border-spacing", "border-style", "border-width", "box-sizing", "caption-side", "clear",
     "color", "direction", "display", "float", "font", "font-family", "font-size", "font-style",
     "font-variant", "font-weight", "height", "letter-spacing", "line-height", "list-style-type",
     "max-height", "max-width", "min-height", "min-width", "overflow-wrap", "table-layout",
     "text-align", "text-decoration", "text-indent", "text-transform", "vertical-align",
     "white-space", "width", "word-break", "word-spacing", "word-wrap"}
    | {f"{what}{side}"
       for what in ("border", "margin", "padding")
       for side in ("", "-top", "-right", "-bottom", "-left")}
)  # fmt: skip
#: What loads, runs, or hides one of both from who reads a declaration.
_ACTIVE = re.compile(r"url|image|src|expression|var\(|attr\(|[\\@<>{}]", re.I)
_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s\x00-\x1f]", re.I)
_REMOTE = re.compile(r"https?://[^\s\x00-\x1f/]", re.I)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.I)
_CID = re.compile(r"cid:(.+)", re.I | re.S)
#: Where a mail speaks of pictures that it brings along.
_NAMED = re.compile(r"cid:([^\"'\s<>)]+)", re.I)
# It goes over nothing twice: a mail of a thousand pictures that never end must cost nothing.
_REMOTE_PICTURE = re.compile(
    r"<img\s(?:(?!<img\s)[^>]){0,4000}?\bsrc\s*+=\s*+(?:[\"']\s*+)?https?://", re.I
)
_HIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is safe of it."""

    html: str
    #: Nothing is shown of what is larger or deeper than any mail that people write.
    is_too_much: bool = False


class _TooMuchError(Exception):
    """More, or deeper, than is shown."""


def clean(markup: str, pictures: Mapping[str, str], *, with_remote: bool) -> Cleaned:
    """Make it safe; `pictures` are data: addresses by Content-ID, and others are as none.

    Pictures on other machines keep their address only with `with_remote`.
    """
    sources = _Sources(pictures, with_remote=with_remote)
    try:
        bounded = _bounded(markup)
    except _TooMuchError:
        return Cleaned("", is_too_much=True)
    html = nh3.clean(
        bounded,
        tags=set(TAGS),
        clean_content_tags=set(_DROPPED),
        attributes=_ATTRIBUTES,
        attribute_filter=sources.of,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        url_relative="deny",
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties=set(_STYLES),
    )
    return Cleaned(html)


def named(markup: str) -> set[str]:
    """Content-IDs that the markup may show."""
    return {_bare(each) for each in _NAMED.findall(markup)}


def has_remote(markup: str) -> bool:
    """Whether it seems to show pictures that stand on other machines."""
    return bool(_REMOTE_PICTURE.search(markup))


def _bare(content_id: str) -> str:
    return content_id.strip("<> ").lower()


def _bounded(markup: str) -> str:
    """The same, as a tree that is known to be small: what is measured is what is cleaned."""
    tags = count_tags(markup)
    if tags > MAX_TAGS or is_crowded(markup):
        raise _TooMuchError
    parser = lxml_html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = lxml_html.document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        # Nothing but spaces and signs that are no markup.
        return escape(markup)
    depth, again = _depths(root)
    if (
        parser.error_log.filter_from_fatals()
        or depth > MAX_DEPTH
        or tags * again > MAX_OPENED_AGAIN
    ):
        raise _TooMuchError
    return str(lxml_html.tostring(root, encoding="unicode"))


def _depths(root: etree._Element) -> tuple[int, int]:
    """The most elements within each other, and of them the most that are opened again."""
    depth = again = most = most_again = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        step = 1 if event == "start" else -1
        depth += step
        again += step * (element.tag in _OPENED_AGAIN)
        most, most_again = max(most, depth), max(most_again, again)
    return most, most_again


class _Sources:
    """Looks at each attribute that is let through."""

    def __init__(self, pictures: Mapping[str, str], *, with_remote: bool) -> None:
        self._pictures = {_bare(name): source for name, source in pictures.items()}
        self._with_remote = with_remote
        self._looked_at: dict[tuple[str, str], Callable[[str], str | None]] = {
            ("a", "href"): _link,
            ("img", "src"): self._picture,
        }

    def of(self, tag: str, attribute: str, value: str) -> str | None:
        """What an attribute may say; None where it goes."""
        if attribute == "style":
            return _style(value)
        look = self._looked_at.get((tag, attribute))
        return look(value) if look else value

    def _picture(self, source: str) -> str | None:
        if own := _CID.fullmatch(source.strip()):
            return self._pictures.get(_bare(own[1]))
        if _PICTURE.fullmatch(source.strip()):
            return source
        bare = _HIDDEN.sub("", source)
        return bare if self._with_remote and _REMOTE.match(bare) else None


def _link(target: str) -> str | None:
    bare = _HIDDEN.sub("", target)
    return bare if _LINK.match(bare) else None


def _style(declarations: str) -> str | None:
    return ";".join(
        each for each in declarations.split(";") if each.strip() and not _ACTIVE.search(each)
    )
