"""What a run found worth saying about single records: by reason, page by page, and as CSV."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from abmatic.audiences.models import Account, Contact
from abmatic.sync import export
from abmatic.sync.models import Finding, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.reasons import REASONS, Reason
from abmatic.web.csv_files import download
from abmatic.web.grids.filters import clean
from abmatic.web.http import PageRequest
from abmatic.web.running import object_label

PAGE = 50
# The local records that have a page of their own.
WITH_PAGES: dict[str, type[Account | Contact]] = {"account": Account, "contact": Contact}


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """A reason, and how many records it was given for."""

    reason: Reason
    number: int


def reason_of(code: str) -> Reason:
    """The reason of a code; a code from a newer version is shown as it is."""
    known = REASONS.get(code)
    return known or Reason(code=code, label=code, kind="note", meaning="", remedy="")


def reason_counts(run: Run) -> list[ReasonCount]:
    """The reasons of a run, most frequent first."""
    counts: dict[str, int] = run.counts.get("reasons", {})
    return [
        ReasonCount(reason_of(code), number)
        for code, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


@require_safe
def findings(request: PageRequest, run_id: int) -> HttpResponse:
    """Findings of a run, of one reason or of all; more come as the list scrolls."""
    run = get_object_or_404(Run.objects.select_related("connection"), pk=run_id)
    reason = clean(request.GET.get("reason", ""))
    after = clean(request.GET.get("after", ""))
    counted = reason_counts(run)
    codes = [reason] if reason else [one.reason.code for one in counted]
    page, cursor = _page(run, codes, after)
    chosen = reason_of(reason) if reason else None
    return render(
        request,
        "runs/findings_rows.html" if request.htmx and after else "runs/findings.html",
        {
            "run": run,
            "label": object_label(run.sobject),
            "reasons": counted,
            "total": sum(one.number for one in counted),
            "chosen": chosen,
            "findings": _named(page, _record(run)),
            "cursor": cursor,
            "record": _record(run),
        },
    )


def _record(run: Run) -> str:
    """Whose page a finding's local record has; "" for records without one."""
    spec = OBJECTS.get(run.sobject)
    return spec.local if spec is not None and spec.local in WITH_PAGES else ""


def _named(page: list[Finding], record: str) -> list[tuple[Finding, Reason, str]]:
    """Each finding with its reason and the name of its local record; "" where there is none to open."""
    ids = [finding.local_id for finding in page if finding.local_id is not None]
    found = WITH_PAGES[record]._default_manager.in_bulk(ids) if record else {}
    return [
        (finding, reason_of(finding.reason), str(found[finding.local_id]) if finding.local_id in found else "")
        for finding in page
    ]


def _page(run: Run, codes: list[str], after: str) -> tuple[list[Finding], str]:
    """One page in the order of the index (reason, id), and where the next begins ("" when there is none)."""
    at_reason, _, at_id = after.rpartition(":")
    found = Finding.objects.filter(run=run, reason__in=codes)
    if at_reason and at_id.isascii() and at_id.isdigit():
        found = found.filter(reason__gte=at_reason).exclude(reason=at_reason, pk__lte=int(at_id))
    page = list(found.order_by("reason", "id")[: PAGE + 1])
    if len(page) <= PAGE:
        return page, ""
    last = page[PAGE - 1]
    return page[:PAGE], f"{last.reason}:{last.pk}"


@require_safe
def findings_csv(request: PageRequest, run_id: int) -> StreamingHttpResponse:
    """Every finding of a run as CSV, streamed: a run can have a million."""
    run = get_object_or_404(Run, pk=run_id)
    return download(export.findings(run, reason=clean(request.GET.get("reason", "")) or None))
