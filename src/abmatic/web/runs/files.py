"""Files of runs: which ran, and what one did."""

from __future__ import annotations

from django.http import Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from abmatic.sync import export
from abmatic.sync.models import Connection, Run
from abmatic.web.csv_files import download
from abmatic.web.http import PageRequest
from abmatic.web.runs.activity import Chosen


@require_safe
def runs_csv(request: PageRequest, connection_id: int) -> StreamingHttpResponse:
    """The runs of a connection, filtered as the Activity Log is."""
    connection = get_object_or_404(Connection, pk=connection_id)
    return download(export.runs(Chosen.of_address(request.GET).filter(connection)))


@require_safe
def records_csv(request: PageRequest, run_id: int) -> StreamingHttpResponse:
    """What a run did, a line for each value."""
    run = get_object_or_404(Run, pk=run_id)
    if not export.has_records(run):
        raise Http404(f"Run {run_id} only read {run.sobject} along.")
    return download(export.records(run))
