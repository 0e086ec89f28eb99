"""Writes the website's pages into a folder: the script's line and the demo's addresses are put into them."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from django.template import Context, Engine

_SOURCES = Path(__file__).with_name("pages")
# What pages are made of is no page.
_FRAME = "frame.html"


@dataclass(frozen=True, slots=True)
class Addresses:
    """What is put into the pages. No address ends in a slash."""

    website: str
    hub: str
    org: str
    # The line that Settings → Web tracking has for this website.
    line: str
    # Whose advertisement the guide tells of.
    campaign: str


def write(folder: Path, addresses: Addresses) -> None:
    """Writes every page, over those that are there."""
    engine = Engine(dirs=[str(_SOURCES)])
    values = Context(asdict(addresses))
    for source in sorted(_SOURCES.rglob("*.*")):
        name = source.relative_to(_SOURCES)
        if str(name) == _FRAME:
            continue
        page = folder / name
        page.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".html":
            page.write_text(engine.get_template(name.as_posix()).render(values), encoding="utf-8")
        else:
            shutil.copyfile(source, page)
