"""Make elements in one line."""

from lxml import etree
from lxml.etree import _Element as Element


def element(tag: str, *children: Element | None, text: str | int | None = None, **attributes: str | int) -> Element:
    """An element; children that are None are left out, and a trailing ``_`` of attribute names (``type_``)."""
    node = etree.Element(tag, {name.rstrip("_"): str(value) for name, value in attributes.items()})
    if text is not None:
        node.text = str(text)
    node.extend(child for child in children if child is not None)
    return node
