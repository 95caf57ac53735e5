"""XML from strangers: no entities, no network, no end to patience with what is broken."""

from lxml import etree


def root_of(body: bytes, url: str) -> etree._Element | None:
    """The root element; None where there is none."""
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(body, parser, base_url=url)
    except (etree.XMLSyntaxError, ValueError):
        return None


def name_of(element: etree._Element) -> str:
    """The element's name without its namespace, in small letters; "" for an entity."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def text_of(element: etree._Element, *names: str) -> str:
    """The text of the first child of one of these names, on one line."""
    found = next((child for child in element if name_of(child) in names), None)
    return "" if found is None else " ".join("".join(found.itertext()).split())
