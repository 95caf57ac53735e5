"""One mail: raw bytes to the record of what is in it."""

import re

from postroom.parsing import addresses, attachments, bodies, dates, encoded_words
from postroom.parsing.charsets import Decoder
from postroom.parts import Node, split
from postroom.records import Address, Attachment, Mail, Part

_ID = re.compile(r"<([^<>]*)>")
_SAYS_NOTHING = frozenset({"", "us-ascii", "ascii", "utf-8"})
#: What is shown of a mail within the mail, above its text.
_INNER_HEAD = ("From", "To", "Date", "Subject")


def parse(raw: bytes) -> Mail:
    """Read a mail; never raises: what is wrong is told in `defects`."""
    defects: set[str] = set()
    root = split(raw, defects)
    decoder = Decoder(defects, _hint(root))
    header = _Header(root, decoder)
    content = bodies.read(root, decoder)
    inner = [_inner(node, decoder) for node in content.inner]
    inner_texts = (text for text, _ in inner)
    date = header.text("date")
    return Mail(
        subject=header.text("subject"),
        sender=header.addresses("sender"),
        from_=header.addresses("from"),
        to=header.addresses("to"),
        cc=header.addresses("cc"),
        bcc=header.addresses("bcc"),
        reply_to=header.addresses("reply-to"),
        date=dates.parse(date, defects),
        date_raw=date,
        message_id=_message_id(header.text("message-id")),
        in_reply_to=header.ids("in-reply-to"),
        references=header.ids("references"),
        text=bodies.cut("\n\n".join(filter(None, [content.text, *inner_texts])), defects),
        html=content.html,
        headers=header.decoded(),
        attachments=(*content.attachments, *(one for _, own in inner for one in own)),
        parts=_tree(root),
        defects=tuple(sorted(defects)),
    )


class _Header:
    """The header of one mail, decoded."""

    def __init__(self, root: Node, decoder: Decoder) -> None:
        self._root = root
        self._decoder = decoder

    def decoded(self) -> tuple[tuple[str, str], ...]:
        fields = self._root.head.fields
        if self._root.head.is_plain:
            return tuple(fields)
        return tuple((self._decode(name), self._decode(value)) for name, value in fields)

    def text(self, name: str) -> str:
        value = self._root.headers.get(name, "")
        return value if self._root.head.is_plain else self._decode(value)

    def addresses(self, name: str) -> tuple[Address, ...]:
        root = self._root
        if name not in root.headers:
            return ()
        value = root.headers[name]
        if root.names.count(name) > 1:
            named = zip(root.names, root.head.fields, strict=True)
            value = ", ".join(field[1] for key, field in named if key == name)
        return addresses.parse(value, self._decode, self._decoder.defects)

    def ids(self, name: str) -> tuple[str, ...]:
        value = self.text(name)
        found = _ID.findall(value)
        # Old replies quote a sentence instead; a word of it is an id only if it looks like one.
        return tuple(found or (word.strip("<>") for word in value.split() if "@" in word))

    def _decode(self, value: str) -> str:
        return encoded_words.decode(value, self._decoder)


def _message_id(value: str) -> str:
    match = _ID.search(value)
    return (match[1] if match else value.strip("<>")).strip()


def _hint(root: Node) -> str:
    """Return the charset that some part declares: likely that of bytes that declare none."""
    declared = (attachments.charset_of(node) for node in root.walk())
    return next((name for name in declared if name.lower() not in _SAYS_NOTHING), "")


def _inner(root: Node, decoder: Decoder) -> tuple[str, list[Attachment]]:
    """Return text and attachments of a mail within the mail, and of those within it."""
    header = _Header(root, decoder)
    content = bodies.read(root, decoder)
    inner = [_inner(node, decoder) for node in content.inner]
    head = [f"{name}: {value}" for name in _INNER_HEAD if (value := header.text(name.lower()))]
    texts = ["\n".join(head), content.text, *(text for text, _ in inner)]
    attached = [*content.attachments, *(one for _, own in inner for one in own)]
    return "\n\n".join(filter(None, texts)), attached


def _tree(node: Node) -> Part:
    return Part(path=node.path, type=node.type, parts=tuple(_tree(part) for part in node.parts))
