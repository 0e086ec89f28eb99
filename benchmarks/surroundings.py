"""The environment of what is measured: no setting of somebody's installation, except those that say how to read."""

from __future__ import annotations

import os

_TUNING = frozenset({"ABMATIC_IMPORT_PAGE_RECORDS", "ABMATIC_IMPORT_CHUNK_BYTES"})


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without Abmatic's settings, and with these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _TUNING or not name.startswith(("ABMATIC_", "DATABASE_URL"))
    }
    return {**kept, **settings}
