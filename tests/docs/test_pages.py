"""Links lead somewhere, pictures are there, and each list of the documentation is complete."""

from __future__ import annotations

import struct

import pytest
from django.apps import apps
from tests.docs.pages import ROOT, Page, page, pages, slug

from abmatic import __version__
from abmatic.sync.objects import OBJECTS
from abmatic.sync.reasons import REASONS

SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "abmatic").rglob("*.py"))


def broken(one: Page) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for link in one.links:
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = Page((one.path.parent / path).resolve()) if path else one
        if not target.path.exists() or (anchor and anchor not in target.anchors):
            found.append(link)
    return found


@pytest.mark.parametrize("one", pages(), ids=str)
def test_links_within_the_project_lead_somewhere(one: Page) -> None:
    assert broken(one) == []


def test_a_link_to_nowhere_would_be_noticed() -> None:
    class Bad(Page):
        text = "# A heading\n[a](docs/nothing.md) [b](#another) [c](#a-heading) `[d](x.md)`\n"

    assert broken(Bad(ROOT / "README.md")) == ["docs/nothing.md", "#another"]


def test_pictures_are_of_the_size_they_are_taken_in() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    for picture in pictures:
        header = picture.read_bytes()[:24]
        assert header.startswith(b"\x89PNG"), picture
        assert struct.unpack(">II", header[16:24]) == (1280, 800), picture


def test_every_picture_is_shown_somewhere() -> None:
    shown = {(one.path.parent / link).resolve() for one in pages() for link in one.links if link.endswith(".png")}
    assert set((ROOT / "docs" / "images").iterdir()) - shown == set()


def test_the_first_picture_of_the_readme_is_near_its_top() -> None:
    assert "](docs/images/" in "".join(page("README.md").text.splitlines()[:5])


def test_anchors_are_those_of_github() -> None:
    assert slug("1. Install") == "1-install"
    assert slug("Match: whose record is this?") == "match-whose-record-is-this"
    assert slug("A `code` heading") == "a-code-heading"


def test_every_decision_is_listed_and_has_its_three_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    listed = set(page("docs/decisions/README.md").links)
    for number, path in enumerate(decisions, 1):
        assert path.name in listed
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number:03d} ")
        assert all(f"**{part}.**" in text for part in ("Context", "Choice", "Consequence")), path.name


def test_the_changelog_has_this_release() -> None:
    assert f"\n## {__version__}\n" in page("CHANGELOG.md").text


def test_every_table_of_ours_is_described() -> None:
    text = page("docs/architecture.md").text
    ours = [model for model in apps.get_models() if model.__module__.startswith("abmatic.")]
    assert ours
    assert [model._meta.db_table for model in ours if f"`{model._meta.db_table}`" not in text] == []


def test_every_room_is_described() -> None:
    text = page("docs/architecture.md").text
    rooms = [path.parent.name for path in (ROOT / "src" / "abmatic").glob("*/__init__.py")]
    assert rooms
    assert [room for room in rooms if f"`abmatic/{room}`" not in text] == []


def test_the_default_mappings_are_those_of_the_code() -> None:
    text = page("docs/sync.md").text.replace("**", "")
    defaults = [default for spec in OBJECTS.values() for default in spec.defaults]
    told = [f"{default.sf_field} → {default.local_field}" for default in defaults]
    assert [one for one in told if one not in text] == []


def cells(text: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    under = text.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
    lines = [line for line in under.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_entries_for_bad_input_are_called_as_on_the_pages() -> None:
    labels = {reason.label for reason in REASONS.values()} | {"–"}
    told = [row[-1] for row in cells(page("docs/sync.md").text, "## Bad input")]
    assert told
    assert [entry for entry in told if entry not in labels] == []


def test_troubleshooting_quotes_what_the_pages_say() -> None:
    rows = cells(page("docs/setup.md").text, "### Connecting")
    titles = [title.strip("* ") for row in rows for title in row[0].split("·")]
    assert len(titles) > 10
    assert [title for title in titles if f'"{title}"' not in SOURCES] == []
