"""The Activity Log of a connection: its runs, newest first, and the filters in its address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from abmatic.sync import activity as log
from abmatic.sync import runs
from abmatic.sync.history import Found
from abmatic.sync.models import Connection, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.troubleshooting import TROUBLES
from abmatic.web.days import day, midnight
from abmatic.web.grids.filters import clean
from abmatic.web.http import PageRequest
from abmatic.web.running import object_label

PAGE = 50
# Records that are named above the list; there may be more of one name.
NAMED = 3
STATES = (*Run.State.choices, (log.REFUSED, "With refusals"))


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list."""

    run: Run
    label: str
    progress: runs.Progress | None

    @property
    def findings(self) -> int:
        """How many records it had something to say about."""
        reasons = self.run.counts.get("reasons", {})
        return sum(reasons.values())

    @property
    def here(self) -> int | None:
        """How many records it created or updated here; None where it can't be known yet."""
        counts = self.run.counts
        return int(counts.get("created", 0)) + int(counts.get("updated", 0)) if "read" in counts else None

    @property
    def there(self) -> int | None:
        """How many records it created or updated in Salesforce; None where it only reads."""
        pushed = self.run.pushed
        return int(pushed.get("created", 0)) + int(pushed.get("updated", 0)) if pushed and self.writes else None

    @property
    def writes(self) -> bool:
        """Whether it wrote to Salesforce, or could have."""
        return self.run.direction == Run.Direction.BOTH


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filters, as asked for. What makes no sense filters nothing, but for a record that nobody knows."""

    sobject: str
    direction: str
    state: str
    by: str
    since: date | None
    until: date | None
    record: str
    of: tuple[Found, ...] | None

    @classmethod
    def of_address(cls, asked: QueryDict) -> Chosen:
        record = clean(asked.get("record", ""))
        return cls(
            _one_of(asked.get("object", ""), OBJECTS),
            _one_of(asked.get("direction", ""), Run.Direction.values),
            _one_of(asked.get("state", ""), [value for value, _ in STATES]),
            asked.get("by", "") if _trigger(asked.get("by", "")) or _person(asked.get("by", "")) else "",
            day(asked.get("since", "")),
            day(asked.get("until", "")),
            record,
            log.meant(record) if record else None,
        )

    def __bool__(self) -> bool:
        parts = (self.sobject, self.direction, self.state, self.by, self.since, self.until, self.record)
        return any(parts)

    def query(self) -> str:
        """The filters as an address holds them."""
        asked = QueryDict(mutable=True)
        named = {
            "object": self.sobject, "direction": self.direction, "state": self.state, "by": self.by,
            "since": self.since, "until": self.until, "record": self.record,
        }  # fmt: skip
        asked.update({name: str(value) for name, value in named.items() if value})
        return asked.urlencode()

    def filter(self, connection: Connection) -> log.Filter:
        """What they leave. Days are those of the viewer's zone."""
        return log.Filter(
            connection,
            self.sobject or None,
            self.direction or None,
            self.state or None,
            _trigger(self.by),
            _person(self.by),
            midnight(self.since) if self.since else None,
            midnight(self.until + timedelta(days=1)) if self.until else None,
            self.of,
        )

    @property
    def named(self) -> Sequence[Found]:
        """Some of the records that are meant."""
        return (self.of or ())[:NAMED]

    @property
    def unnamed(self) -> int:
        """How many more there are."""
        return max(len(self.of or ()) - NAMED, 0)


def run_rows(found: list[Run]) -> list[RunRow]:
    """Runs as rows, with progress for those under way."""
    return [RunRow(run, object_label(run.sobject), None if run.is_over else runs.progress(run)) for run in found]


@require_safe
def activity(request: PageRequest, connection_id: int) -> HttpResponse:
    """Runs of a connection, filtered; older ones come as the list scrolls."""
    connection = get_object_or_404(Connection, pk=connection_id)
    chosen = Chosen.of_address(request.GET)
    before = request.GET.get("before", "")
    is_page = before.isascii() and before.isdigit() and len(before) < 19
    page = log.listed(chosen.filter(connection), before=int(before) if is_page else None, limit=PAGE + 1)
    context = {
        "connection": connection,
        "rows": run_rows(page[:PAGE]),
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "chosen": chosen,
    }
    if request.htmx and is_page:
        return render(request, "runs/activity_rows.html", context)
    choices = {
        "objects": [(name, object_label(name)) for name in OBJECTS],
        "directions": Run.Direction.choices,
        "states": STATES,
        "triggers": [(f"trigger:{value}", label) for value, label in Run.Trigger.choices],
        "people": [(f"user:{user.pk}", str(user)) for user in log.people(connection)],
        "troubles": TROUBLES,
    }
    return render(request, "runs/activity.html", {**context, **choices})


def _one_of(text: str, known: Collection[str]) -> str:
    return text if text in known else ""


def _trigger(by: str) -> str | None:
    kind, _, value = by.partition(":")
    return value if kind == "trigger" and value in Run.Trigger.values else None


def _person(by: str) -> int | None:
    kind, _, value = by.partition(":")
    return int(value) if kind == "user" and value.isascii() and value.isdigit() and len(value) < 19 else None
