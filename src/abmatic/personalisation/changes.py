"""What a variant may change in a page, read into typed values.

Whoever may edit a campaign must not be able to run code on the site, nor style it at will: texts are texts, addresses
lead to pages or pictures, attributes are on a list, selectors hold nothing but a selector and find no element by what
is typed into it, and what frameworks take for code within a text is refused; so are the letters of HTML in attributes
and addresses, which some scripts of pages make HTML of. The script checks again, against the page's own elements
(script/personalise.js).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

# Attributes that are only ever read or shown to people. No data-*: frameworks run what is in some of them.
ATTRIBUTES = ("alt", "aria-label", "placeholder", "title")
MOST_CHANGES = 20

_LINKS = frozenset({"http", "https", "mailto", "tel", ""})
_IMAGES = frozenset({"http", "https", ""})
# Vue, AngularJS, Jinja, Polymer, ERB and templates of JavaScript.
_CODE = re.compile(r"\{\{|\}\}|\[\[|\$\{|<%|\{%")
_SELECTOR = re.compile(r"""[\w\s#.:()\[\]="'^$*|~>+,/-]+""")
# Letters of HTML: there are scripts that show titles and addresses as HTML.
_HTML = re.compile(r"[<>\"]")
# By these a selector could tell letter by letter what is typed into a form, or is secret in the page.
_PRYING = re.compile(r"\[\s*(?:[\w*-]*\|)?\s*(?:value|content)(?![\w-])|:has\(", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PAIRS = {")": "(", "]": "["}


def _text(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("say what is shown")
    if _CONTROL.sub("", value) != value:
        raise ValueError("use one line of text, without control characters")
    if found := _CODE.search(value):
        raise ValueError(f"“{found[0]}” may be taken for code by the website: leave it out")
    return value


def _attribute(value: str) -> str:
    value = _text(value)
    if found := _HTML.search(value):
        raise ValueError(f"“{found[0]}” may be taken for HTML by the website: leave it out")
    return value


def _selector(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("name the element by a CSS selector, as in #hero h1")
    if not _SELECTOR.fullmatch(value) or "/*" in value or not _is_balanced(value):
        raise ValueError(f"“{value}” is no CSS selector that can be used: say for example #hero h1, or .price > a")
    if found := _PRYING.search(value):
        raise ValueError(f"“{found[0]}” can tell what is typed into a page: choose the element by id, class or name")
    return value


def _is_balanced(selector: str) -> bool:
    """Whether brackets and quotes are closed."""
    opened: list[str] = []
    quote = ""
    for letter in selector:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([":
            opened.append(letter)
        elif letter in ")]" and (not opened or opened.pop() != _PAIRS[letter]):
            return False
    return not opened and not quote


def _address(value: str, schemes: frozenset[str], example: str) -> str:
    value = value.strip()
    try:
        scheme = urlsplit(value).scheme.lower()
    except ValueError:
        scheme = "?"
    # Browsers leave out blanks within a scheme: there are none anywhere. Nor are there letters of HTML.
    if not value or scheme not in schemes or re.search(r"[\s\\\x00-\x1f\x7f<>\"]", value) or _CODE.search(value):
        raise ValueError(f"“{value}” is no address that can be used: {example}")
    if not scheme and not value.startswith(("/", "?", "#")):
        raise ValueError(f"“{value}” is no whole address: {example}")
    return value


def _link(value: str) -> str:
    return _address(value, _LINKS, "say https://www.example.com/prices, /prices, mailto:ann@acme.com or tel:+4930123")


def _image(value: str) -> str:
    return _address(value, _IMAGES, "say https://www.example.com/picture.png, or /picture.png")


Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(_text)]
AttributeText = Annotated[str, StringConstraints(max_length=500), AfterValidator(_attribute)]
Selector = Annotated[str, StringConstraints(max_length=200), AfterValidator(_selector)]
Link = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_link)]
Image = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_image)]


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextChange(_Change):
    """The text of an element."""

    kind: Literal["text"]
    selector: Selector
    value: Text


class LinkChange(_Change):
    """Where a link leads."""

    kind: Literal["link"]
    selector: Selector
    value: Link


class ImageChange(_Change):
    """Which picture an image shows."""

    kind: Literal["image"]
    selector: Selector
    value: Image


class AttributeChange(_Change):
    """An attribute of an element."""

    kind: Literal["attribute"]
    selector: Selector
    attribute: Literal["alt", "aria-label", "placeholder", "title"]
    value: AttributeText


class BannerChange(_Change):
    """A line of text above or at the foot of the page."""

    kind: Literal["banner"]
    value: Text
    link: Link | None = None
    position: Literal["top", "bottom"] = "top"


Change = Annotated[TextChange | LinkChange | ImageChange | AttributeChange | BannerChange, Field(discriminator="kind")]
Changes = Annotated[list[Change], Field(max_length=MOST_CHANGES)]

_READER: TypeAdapter[list[Change]] = TypeAdapter(Changes)


def changes_of(stored: object) -> list[Change]:
    """Stored changes, judged again by the rules that hold now. Raises pydantic's ValidationError."""
    return _READER.validate_python(stored)


def selectors_of(changes: list[Change]) -> list[str]:
    """The elements that are changed, each once."""
    return list(dict.fromkeys(each.selector for each in changes if not isinstance(each, BannerChange)))
