"""Settings → Audit: who changed what of how Abmatic is set up, with filters, and as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from abmatic.identity.models import AuditEntry
from abmatic.sync import settings_history
from abmatic.sync.objects import OBJECTS
from abmatic.sync.settings_wording import Wording
from abmatic.web.csv_files import csv_file
from abmatic.web.days import day, midnight
from abmatic.web.grids.filters import clean
from abmatic.web.grids.ilike import IlikeContains
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required

PAGE = 50


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filters, as asked for. What makes no sense filters nothing."""

    about: str
    words: str
    since: date | None
    until: date | None

    @classmethod
    def of(cls, asked: QueryDict) -> Chosen:
        about = asked.get("about", "")
        return cls(
            about if about in AuditEntry.About.values else "",
            clean(asked.get("q", "")),
            day(asked.get("since", "")),
            day(asked.get("until", "")),
        )

    def __bool__(self) -> bool:
        return bool(self.about or self.words or self.since or self.until)

    def query(self) -> str:
        """The filters as an address holds them."""
        asked = QueryDict(mutable=True)
        days = {"since": self.since, "until": self.until}
        asked.update({"about": self.about, "q": self.words, **{name: str(day or "") for name, day in days.items()}})
        return asked.urlencode()

    def entries(self) -> QuerySet[AuditEntry]:
        """What they leave, newest first. Days are those of the viewer's zone."""
        found = AuditEntry.objects.order_by("-id")
        if self.about:
            found = found.filter(about=self.about)
        if self.words:
            words = [f"{name}__{IlikeContains.lookup_name}" for name in ("by", "subject", "act")]
            found = found.filter(reduce(or_, (Q((word, self.words)) for word in words)))
        if self.since:
            found = found.filter(at__gte=midnight(self.since))
        if self.until:
            found = found.filter(at__lt=midnight(self.until + timedelta(days=1)))
        return found


@dataclass(frozen=True, slots=True)
class Line:
    """One difference of an entry, as text."""

    what: str
    kind: str
    before: str
    after: str


@require_safe
@administrator_required
def audit(request: PageRequest) -> HttpResponse:
    """The entries; older ones come as the list scrolls."""
    chosen = Chosen.of(request.GET)
    before = request.GET.get("before", "")
    found = chosen.entries()
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    page = list(found[: PAGE + 1])
    return render(
        request,
        "audit/rows.html" if request.htmx and before else "audit/page.html",
        {
            "rows": list(zip(page[:PAGE], lines(page[:PAGE]), strict=True)),
            "older": page[PAGE - 1].pk if len(page) > PAGE else None,
            "chosen": chosen,
            "abouts": AuditEntry.About.choices,
        },
    )


@require_safe
@administrator_required
def audit_csv(request: PageRequest) -> StreamingHttpResponse:
    """All that the filters leave: a row for each difference, or one for an entry without any."""
    head = ["Time (UTC)", "Who", "About", "Name", "What was done", "Field", "Before", "After"]
    return csv_file("audit.csv", head, _csv_rows(Chosen.of(request.GET)))


def lines(entries: Sequence[AuditEntry]) -> list[list[Line]]:
    """The differences of each entry as text; those of a connection's settings by the labels of its pages."""
    wording = Wording()
    return [_lines(entry, wording) for entry in entries]


def _lines(entry: AuditEntry, wording: Wording) -> list[Line]:
    if entry.about == AuditEntry.About.SETTINGS and entry.act == settings_history.ACT:
        sobject = entry.subject.rpartition(settings_history.WITHIN)[2]
        told = wording.tell(sobject if sobject in OBJECTS else "", entry.differences)
        return [Line(each.what, each.kind, each.before or "", each.after or "") for each in told]
    return [Line(one["what"], one["kind"], _text(one["before"]), _text(one["after"])) for one in entry.differences]


def _csv_rows(chosen: Chosen) -> Iterator[list[str]]:
    wording = Wording()
    for entry in chosen.entries().iterator(chunk_size=2_000):
        start = [f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.by, entry.get_about_display(), entry.subject, entry.act]
        for line in _lines(entry, wording) or [Line("", "", "", "")]:
            yield [*start, line.what, line.before, line.after]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict | list) else str(value)
