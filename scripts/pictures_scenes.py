"""What pictures.py takes pictures of: scenes, each a walk through a part of the program.

They go in order, and a later one may build on what an earlier one did; each also works alone (``--only``), unless it
says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pictures_installation as installation
import pictures_records as records
import pictures_salesforce as salesforce
import pictures_website as website

if TYPE_CHECKING:
    from pictures import Camera

    Scene = Callable[[Camera], None]

# Commands, and the scenes that are taken of what each runs.
INSTALLATIONS: list[tuple[list[str], list[Scene]]] = [
    (["up", "--port", "0", "--json-ready"], [installation.first_run, installation.ways_in]),
    (
        ["demo", "--json", "--no-browser", "--port", "0", "--emulator-port", "0"],
        [
            installation.frame,
            records.grids,
            records.records,
            website.website,
            salesforce.integrations,
            salesforce.settings,
            salesforce.runs,
            records.csv,
            records.crm,
            records.set_a_field,
            installation.people,
            salesforce.push,
            salesforce.sync,
            salesforce.failing,
        ],
    ),
    (["demo", "--json", "--no-browser", "--port", "0", "--emulator-port", "0"], [salesforce.tour]),
]


def names() -> list[str]:
    return [scene.__name__ for _, scenes in INSTALLATIONS for scene in scenes]
