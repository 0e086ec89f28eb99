"""The documentation as the tests read it: its pages, their headings, links and pieces of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """Without blocks of code."""
        return _FENCED.sub("", self.text)

    @property
    def code(self) -> list[str]:
        """Each line of a block (lines that end with a backslash joined), and each inline piece."""
        blocks = "\n".join(_FENCED.findall(self.text)).replace("\\\n", " ")
        return [*blocks.splitlines(), *_INLINE.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        """Targets, pictures included."""
        return [match[1] for match in _LINK.finditer(_INLINE.sub("", self.prose))] + [
            match[1] for match in _LINK.finditer(self.prose) if "`" in match[0]
        ]

    @property
    def anchors(self) -> set[str]:
        """What a link may name behind ``#``, as GitHub makes it of headings."""
        return {slug(heading) for heading in _HEADING.findall(self.prose)}


def slug(heading: str) -> str:
    """GitHub's anchor of a heading: lower case, spaces to dashes, other punctuation dropped."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def page(name: str) -> Page:
    """The page of that path."""
    return Page(ROOT / name)


def pages() -> list[Page]:
    """Every page that belongs to the project."""
    found = [*ROOT.glob("*.md")]
    for folder in ("docs", "deploy", "src", "benchmarks"):
        found += (ROOT / folder).rglob("*.md")
    found.append(ROOT / "frontend" / "README.md")
    return [Page(path) for path in sorted(found)]
