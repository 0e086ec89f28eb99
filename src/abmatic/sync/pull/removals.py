"""Records that Salesforce removes for good: no query shows them any more, so it is asked what was deleted.

Together with the first page of the run's query that costs one call, so a run with nothing to do costs no more than any
other. Salesforce knows about fifteen days back, and answers questions of thirty at most. Where it can't tell about all
of the time since it was last asked, the setting keeps that (``missed``): only a comparison of all records finds out
what went in the meantime. Whoever makes one passes the Ids that are gone to `ChunkWriter.apply_gone`, and calls
`compared`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from abmatic.salesforce import Client, errors
from abmatic.salesforce.query import QueryPage
from abmatic.salesforce.removals import FURTHEST_BACK, Deleted
from abmatic.sync.models import ObjectSetting
from abmatic.sync.objects import SObject

logger = logging.getLogger(__name__)


class Removals:
    """What was removed of one object since it was last asked, up to a run's ``upper`` bound."""

    def __init__(self, setting: ObjectSetting | None, spec: SObject, cursor: datetime | None, lag: timedelta) -> None:
        entry: dict[str, Any] = setting.removals.get(spec.name, {}) if setting else {}
        stored = entry.get("until")
        # Before the first import there is nothing that could have gone.
        self._since = datetime.fromisoformat(stored) if stored else cursor
        self._missed = bool(entry.get("missed"))
        self._spec = spec
        self._lag = lag
        self._found: Deleted | None = None

    def pages(self, client: Client, upper: datetime) -> Callable[[str], Iterator[QueryPage]] | None:
        """How the run's query is asked; None where there is nothing to ask beside it."""
        start = self._start(upper)
        if start is None:
            return None
        return lambda soql: client.pages_and_deleted(soql, self._spec.name, start, upper, self._keep)

    def gone(self, client: Client, upper: datetime) -> tuple[str, ...]:
        """The Ids of what was removed. Asks, unless the query brought it."""
        start = self._start(upper)
        if start is not None and self._found is None:
            try:
                self._found = client.deleted(self._spec.name, start, upper)
            except errors.BadRequest as refused:
                logger.warning("what was deleted of %s isn't told: %s", self._spec.name, refused)
        return self._found.ids if self._found else ()

    def entry(self, upper: datetime) -> dict[str, Any]:
        """What the setting keeps once the run has ended."""
        start = self._start(upper)
        if start is None or self._since is None:
            return {"until": upper.isoformat(), "missed": False}
        if self._found is None:
            return {"until": self._since.isoformat(), "missed": self._missed}
        is_all = start <= self._since and self._found.earliest <= self._since
        until = min(upper, self._found.covered)
        return {"until": until.isoformat(), "missed": self._missed or not is_all}

    def _start(self, upper: datetime) -> datetime | None:
        return max(self._since - self._lag, upper - FURTHEST_BACK) if self._since else None

    def _keep(self, found: Deleted) -> None:
        self._found = found


def compared(setting: ObjectSetting, spec: SObject, upper: datetime) -> None:
    """All records were compared as of ``upper``: whatever was missed before is known now. The caller saves."""
    setting.removals = {**setting.removals, spec.name: {"until": upper.isoformat(), "missed": False}}
