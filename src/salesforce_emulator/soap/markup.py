"""XML in and out.

What comes in is read by expat, event by event, and refused where it brings a document type: entities are how XML is
made to swallow a machine or to read its files.  What goes out is written as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat  # document types are refused below  # nosec B407
from xml.sax.saxutils import escape, quoteattr  # these write, they read nothing  # nosec B406

XSI = "http://www.w3.org/2001/XMLSchema-instance"
_MAX_DEPTH = 100
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class MarkupError(Exception):
    """What was sent is no XML that is taken here."""


@dataclass
class Element:
    """One element: its name without prefix, its namespace, what is in it."""

    name: str
    namespace: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def nil(self) -> bool:
        return self.attributes.get(f"{XSI} nil", "").strip() in ("true", "1")

    @property
    def xsi_type(self) -> str:
        """The local part of the type that the element says it has."""
        return self.attributes.get(f"{XSI} type", "").rpartition(":")[2]

    def first(self, name: str) -> Element | None:
        """The first child of this name, in whatever namespace: clients disagree about those."""
        return next((c for c in self.children if c.name == name), None)

    def all(self, name: str) -> list[Element]:
        return [c for c in self.children if c.name == name]

    def value(self, name: str) -> str | None:
        """The text of a child; None where it is absent, nil or empty."""
        found = self.first(name)
        return None if found is None or found.nil else found.text.strip() or None

    def values(self, name: str) -> list[str]:
        """The texts of all children of this name."""
        return [c.text.strip() for c in self.all(name) if not c.nil]

    def flag(self, name: str) -> bool:
        return (self.value(name) or "").lower() in ("true", "1")


class _Reader:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _MAX_DEPTH:
            raise MarkupError("elements are nested too deeply")
        namespace, _, local = name.rpartition(" ")
        element = Element(local, namespace, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].pieces.append(text)

    def document_type(self, *_: object) -> None:
        raise MarkupError("DOCTYPE is not allowed")


def parse(body: bytes) -> Element:
    """The root of a document.

    :raises MarkupError: it isn't well-formed, or brings a document type.
    """
    parser, reader = expat.ParserCreate(namespace_separator=" "), _Reader()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.document_type
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise MarkupError(str(error)) from None
    if reader.root is None:
        raise MarkupError("the document is empty")
    return reader.root


class Xml(str):
    """Text that is markup already."""


def tag(name: str, value: object, **attributes: str) -> Xml:
    """An element: nil where the value is None, without markup of its own unless the value is :class:`Xml`.

    A colon in an attribute's name is written as two underscores.
    """
    shown = "".join(f" {key.replace('__', ':')}={quoteattr(text)}" for key, text in attributes.items())
    if value is None:
        return Xml(f'<{name}{shown} xsi:nil="true"/>')
    if isinstance(value, Xml):
        return Xml(f"<{name}{shown}>{value}</{name}>")
    text = str(value).lower() if isinstance(value, bool) else escape(_NOT_XML.sub("", str(value)))
    return Xml(f"<{name}{shown}>{text}</{name}>")


def result(*pieces: str) -> Xml:
    """The one result of a call, or one of several."""
    return tag("result", joined(*pieces))


def joined(*pieces: str) -> Xml:
    """Elements one after the other."""
    return Xml("".join(pieces))
