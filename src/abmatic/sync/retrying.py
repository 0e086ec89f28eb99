"""What a person had tried again: by when, and what has come of it.

A mark (see `issues`) waits for the next push of its object. Whoever set it wants to know by when that is, whether it
goes on, and when it has its answer, without loading the page again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Count

from abmatic.sync.models import Connection, Issue, ObjectSetting, Run
from abmatic.sync.objects import OBJECTS


@dataclass(frozen=True, slots=True)
class Retrying:
    """The marks of a connection: how many of each object, by when each object is tried, and where runs go on."""

    marked: dict[str, int] = field(default_factory=dict)
    settings: dict[str, ObjectSetting] = field(default_factory=dict)
    under_way: frozenset[str] = frozenset()
    newest: int = 0
    last_run: str = ""

    @property
    def seen(self) -> str:
        """Differs as soon as there is something new to show."""
        if not self.marked:
            return ""
        marks = ",".join(f"{name}{number}" for name, number in sorted(self.marked.items()))
        return f"{marks};{','.join(sorted(self.under_way))};{self.newest};{self.last_run}"

    @property
    def every(self) -> int:
        """After how many seconds to look again; 0: there is nothing to wait for."""
        if any(name in self.under_way or self._is_soon(name) for name in self.marked):
            return 3
        return 15 if self.marked else 0

    def by_when(self, sobject: str) -> str:
        """When marked issues of an object are tried, as a sentence."""
        setting = self._setting(sobject)
        if sobject in self.under_way:
            return "Is being tried again now"
        if setting is None or not setting.is_pushed:
            label = OBJECTS[sobject].label_plural if sobject in OBJECTS else sobject
            return f"Will be tried again once {label} may be written to Salesforce"
        return "Will be tried again within seconds" if setting.auto_push else "Will be tried again with the next sync"

    def _is_soon(self, sobject: str) -> bool:
        setting = self._setting(sobject)
        return setting is not None and setting.is_pushed and setting.auto_push

    def _setting(self, sobject: str) -> ObjectSetting | None:
        spec = OBJECTS.get(sobject)
        return self.settings.get((spec.rides_with if spec else None) or sobject)


def retrying(connection: Connection) -> Retrying:
    """How it stands with the marks of a connection. One small statement without any, else five."""
    marked = Issue.objects.filter(connection=connection, is_open=True, retry_at__isnull=False)
    numbers = dict(marked.order_by().values_list("sobject").annotate(number=Count("id")))
    if not numbers:
        return Retrying()
    runs = Run.objects.filter(connection=connection)
    last = runs.order_by("-id").values_list("pk", "state").first()
    newest = Issue.objects.filter(connection=connection, is_open=True).order_by("-id").values_list("pk", flat=True)
    return Retrying(
        numbers,
        {each.sobject: each for each in ObjectSetting.objects.filter(connection=connection)},
        # One that only reads tries nothing.
        frozenset(
            runs.filter(state=Run.State.RUNNING).exclude(direction=Run.Direction.PULL).values_list("sobject", flat=True)
        ),
        newest.first() or 0,
        f"{last[0]}{last[1]}" if last else "",
    )
