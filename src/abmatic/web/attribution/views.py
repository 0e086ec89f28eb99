"""Attribution: the report with its chart, what is behind a row, and both as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from abmatic.attribution import comparing, opening, reporting
from abmatic.attribution.data_driven import TooFewWon
from abmatic.attribution.models import AttributionRefresh, Touch
from abmatic.attribution.reporting import BY, LEARNING, MEASURES, MODEL_LABELS, Asked, Report
from abmatic.web.attribution.asked import asked_of, collections, query_of
from abmatic.web.csv_files import csv_file
from abmatic.web.http import PageRequest

# Bars that can be told apart; the table has all.
BARS = 12
SHOWN = 200


@require_safe
def report_page(request: PageRequest) -> HttpResponse:
    """The report that is asked for."""
    asked = asked_of(request.GET)
    context: dict[str, object] = {
        "asked": asked,
        "report_query": query_of(asked),
        "models": MODEL_LABELS, "bys": BY, "measures": MEASURES, "collections": collections(),
        "is_learning": asked.model in LEARNING,
        "refreshed": AttributionRefresh.objects.first(),
    }  # fmt: skip
    try:
        found = reporting.report(asked)
    except TooFewWon as refused:
        return render(request, "attribution/report.html", {**context, "refused": refused})
    rows = [(row, "" if asked.model in LEARNING else query_of(asked, key=_key(row.key))) for row in found.rows]
    context |= {"report": found, "rows": rows, "chart": _chart(found), "comparison": None}
    if not found.rows:
        context["has_touches"] = Touch.objects.exists()
    if asked.is_won:
        context["comparison"] = comparing.compare(asked.since, asked.until, asked.collection)
    return render(request, "attribution/report.html", context)


def _chart(found: Report) -> dict[str, object]:
    """The largest rows for the chart: names, values, and those of the period before."""
    rows = [row for row in found.rows if row.value or row.before][:BARS]
    return {
        "names": [row.label for row in rows],
        "now": [float(row.value) for row in rows],
        "before": [] if found.asked.model in LEARNING else [float(row.before) for row in rows],
    }


@require_safe
def report_csv(request: PageRequest) -> StreamingHttpResponse | HttpResponse:
    """The report's rows."""
    asked = asked_of(request.GET)
    try:
        found = reporting.report(asked)
    except TooFewWon as refused:
        return HttpResponse(str(refused), status=409, content_type="text/plain; charset=utf-8")
    head = [BY[asked.by], MEASURES[asked.measure], "Period before", "Currency", "Cost", "Return on cost", "Why nothing"]
    return csv_file("attribution.csv", head, _lines(found))


def _lines(found: Report) -> Iterator[list[str]]:
    # Models that learn are asked of one period alone.
    is_compared = found.asked.model not in LEARNING
    for row in found.rows:
        cost = "" if row.cost is None else str(row.cost.amount)
        roi = "" if row.roi is None else f"{row.roi:.4f}"
        before = str(row.before) if is_compared else ""
        yield [row.label, str(row.value), before, found.currency, cost, roi, row.why_nothing]
    before = str(found.untouched_before) if is_compared else ""
    yield ["No touches", str(found.untouched), before, found.currency, "", "", ""]


@require_safe
def credited_page(request: PageRequest) -> HttpResponse:
    """The touches behind a row, with the deals that they are credited for."""
    asked, key = _row_asked(request)
    report = reporting.report(asked)
    found = list(opening.credited(asked, key, SHOWN + 1))
    return render(
        request,
        "attribution/credited.html",
        {
            "asked": asked,
            "credits": found[:SHOWN],
            "is_more": len(found) > SHOWN,
            # As the report has it, in its currency.
            "report": report,
            "row": next((row for row in report.rows if row.key == key), None),
            "shown": SHOWN,
            "report_query": query_of(asked),
            "row_query": query_of(asked, key=_key(key)),
            "label": reporting.label_of(asked, key),
            "model": MODEL_LABELS[asked.model],
            "by": BY[asked.by],
            "kinds": dict(Touch.Kind.choices),
        },
    )


@require_safe
def credited_csv(request: PageRequest) -> StreamingHttpResponse:
    """All of them."""
    asked, key = _row_asked(request)
    head = [
        "Opportunity number",
        "Opportunity",
        "Touch",
        "Channel",
        "Page",
        "Time (UTC)",
        "Share",
        "Amount",
        "Currency",
    ]
    return csv_file("credits.csv", head, map(_credit_line, opening.credited(asked, key)))


def _credit_line(one: opening.Credited) -> list[str]:
    return [
        str(one.opportunity_id), one.opportunity or "", one.touch_kind, one.channel, one.page or "",
        f"{one.at:%Y-%m-%d %H:%M:%S}", str(one.share),
        "" if one.amount is None else str(one.amount), one.currency or "",
    ]  # fmt: skip


# A row without a name (no page, no campaign) has no key; an address can't hold that.
_NONE = "\u2205"


def _key(key: str | None) -> str:
    return _NONE if key is None else key


def _row_asked(request: PageRequest) -> tuple[Asked, str | None]:
    asked = asked_of(request.GET)
    if asked.model in LEARNING:
        raise Http404("A model that learns credits channels, not single touches.")
    key = request.GET.get("key", _NONE).replace("\x00", "")
    return asked, None if key == _NONE else key
