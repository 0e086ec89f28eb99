"""What a run couldn't write to Salesforce and still can't: the open issues, grouped by cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from abmatic.sync.models import Issue, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.refusals import Refusal, refusal

# Records shown of each cause; the others are counted.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class IssueGroup:
    """The open issues of one cause that a run made or met again. ``address`` names such a record's page, if any."""

    refusal: Refusal
    number: int
    shown: Sequence[Issue]
    address: str


def issue_groups(run: Run) -> list[IssueGroup]:
    """By cause, the most frequent first. One query."""
    return sorted(_groups(run), key=lambda group: (-group.number, group.refusal.code))


def _groups(run: Run) -> Iterator[IssueGroup]:
    local = OBJECTS[run.sobject].local if run.sobject in OBJECTS else ""
    address = f"{local}-overview" if local in {"account", "contact"} else ""
    found = (
        Issue.objects.filter(connection=run.connection_id, run=run, is_open=True)
        .annotate(
            place=Window(RowNumber(), partition_by=F("code"), order_by="pk"),
            number=Window(Count("pk"), partition_by=F("code")),
        )
        .filter(place__lte=SHOWN)
        .order_by("code", "pk")
    )
    for code, issues in groupby(found, key=lambda issue: issue.code):
        shown = list(issues)
        yield IssueGroup(refusal(code), shown[0].number, shown, address)
