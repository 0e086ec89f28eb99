"""Every setting is in the table with its default, and every setting that is named exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, Page, page, pages

from abmatic.config.environment import SETTINGS, Setting

KNOWN = {setting.name for setting in SETTINGS}
DEPLOYED = [ROOT / "deploy" / "Containerfile", ROOT / "deploy" / "compose.yaml"]


def unknown(text: str) -> set[str]:
    """The names of settings in a text that aren't settings."""
    named = re.findall(r"\bABMATIC_([A-Z][A-Z_]*[A-Z])\b", text)
    return {name for name in named if name not in KNOWN and name.removesuffix("_FILE") not in KNOWN}


def rows() -> dict[str, str]:
    """The table of settings: name to the cell of its default."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", page("docs/operating.md").text, re.MULTILINE))


def test_the_table_has_every_setting_and_no_other() -> None:
    assert set(rows()) == {f"ABMATIC_{name}" for name in KNOWN} | {"DATABASE_URL"}


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS if setting.default], ids=lambda each: each.name)
def test_the_table_tells_the_default(setting: Setting) -> None:
    assert f"`{setting.default}`" in rows()[f"ABMATIC_{setting.name}"]


@pytest.mark.parametrize("one", pages(), ids=str)
def test_settings_that_a_page_names_exist(one: Page) -> None:
    assert unknown(one.text) == set()


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: path.name)
def test_settings_that_a_container_is_given_exist(path: Path) -> None:
    assert unknown(path.read_text(encoding="utf-8")) == set()


def test_an_unknown_setting_would_be_noticed() -> None:
    assert unknown("ABMATIC_BASE_URL ABMATIC_SECRET_KEY_FILE ABMATIC_BASE_URLS") == {"BASE_URLS"}
