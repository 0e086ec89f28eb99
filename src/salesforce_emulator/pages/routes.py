"""The pages' addresses. Each room registers its own on the one blueprint."""

from __future__ import annotations

from salesforce_emulator.pages import control, convert, home, members, merging, path, setup, views
from salesforce_emulator.pages.site import blueprint, error_page, install

__all__ = [
    "blueprint",
    "control",
    "convert",
    "error_page",
    "home",
    "install",
    "members",
    "merging",
    "path",
    "setup",
    "views",
]
