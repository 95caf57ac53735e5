"""The index of what is attached: views into the raw mail, measured and hashed."""

from postroom.parsing import encoded_words
from postroom.parsing.charsets import Decoder
from postroom.parts import Node, parameters
from postroom.parts.enclosed import Enclosed, enclosed
from postroom.parts.node import has_mark
from postroom.parts.parameters import Parameter, Parameters
from postroom.records import Attachment


def index(node: Node, decoder: Decoder) -> list[Attachment]:
    """Return the part as an attachment, and the files that it encloses."""
    size, digest, marked = node.measure(decoder.defects)
    files = enclosed(node, decoder.defects, marked=marked)
    kind, options = _disposition(node)
    content_id = encoded_words.decode(node.headers.get("content-id", ""), decoder)
    inline = kind == "inline" or (not kind and "content-id" in node.headers)
    own = Attachment(
        name=_name(node, options, decoder),
        type=node.type,
        content_id=content_id.strip("<> "),
        inline=inline,
        size=size,
        sha256=digest,
        part=node.path,
    )
    return [own, *_index_files(node, files, decoder)]


def index_enclosed(node: Node, decoder: Decoder) -> list[Attachment]:
    """Return the files within a part that is itself a body."""
    return _index_files(node, enclosed(node, decoder.defects), decoder)


def encloses(node: Node) -> bool:
    """Tell at little cost whether a body may have files within it."""
    if node.encoding == "base64":
        return node.measure(set()).marked
    return has_mark(node.span)


def is_shown(node: Node) -> bool:
    """Tell whether nothing says that the part is to be kept out of sight."""
    return _disposition(node)[0] != "attachment"


def is_body(node: Node, number: int, within: str) -> bool:
    """Tell whether a text part is read as body (RFC 8621, 4.1.4)."""
    kind, options = _disposition(node)
    if kind == "attachment":
        return False
    return number == 0 or (within != "related" and _raw_name(node, options) is None)


def charset_of(node: Node) -> str:
    """Return the declared charset of a part, "" for none."""
    found = node.parameters.get("charset")
    words = found.value.split() if found else []
    return words[0] if words else ""


def _disposition(node: Node) -> tuple[str, Parameters]:
    value = node.headers.get("content-disposition")
    return parameters.parse(value) if value else ("", {})


def _raw_name(node: Node, options: Parameters) -> Parameter | None:
    return options.get("filename") or options.get("name") or node.parameters.get("name")


def _name(node: Node, options: Parameters, decoder: Decoder) -> str:
    found = _raw_name(node, options)
    if found is None:
        return ""
    if found.charset:
        raw = found.value.encode("latin-1", "replace")
        return encoded_words.tidy(decoder.decode(raw, found.charset))
    return encoded_words.decode(found.value, decoder)


def _index_files(node: Node, files: list[Enclosed], decoder: Decoder) -> list[Attachment]:
    measures = ((file, file.measure(decoder.defects)) for file in files)
    return [
        Attachment(
            name=_file_name(file.name, decoder),
            type=file.type,
            content_id="",
            inline=False,
            size=size,
            sha256=digest,
            part=f"{node.path}/{number}",
        )
        for number, (file, (size, digest, _)) in enumerate(measures, 1)
    ]


def _file_name(name: str, decoder: Decoder) -> str:
    if any(letter > "\xff" for letter in name):  # the capsule told it as text
        return encoded_words.tidy(name)
    return encoded_words.decode(name, decoder)
