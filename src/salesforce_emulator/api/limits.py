"""/limits and /limits/recordCount."""

from __future__ import annotations

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import json_answer
from salesforce_emulator.runtime import emulator

blueprint = Blueprint("limits", __name__)

_BULK_QUERY_JOBS = 10_000
_INGEST_BATCHES = 15_000


@blueprint.get("/services/data/v<version>/limits/")
@blueprint.get("/services/data/v<version>/limits")
def limits(version: str) -> Response:
    """What the org may use, and what is left of it."""
    org = emulator()
    usage = org.usage
    batches = _INGEST_BATCHES - org.ingest_jobs.started
    return json_answer(
        {
            "DailyApiRequests": {"Max": usage.allowance, "Remaining": max(0, usage.allowance - usage.used)},
            "DailyBulkApiBatches": {"Max": _INGEST_BATCHES, "Remaining": batches},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            "DailyBulkV2QueryJobs": {"Max": _BULK_QUERY_JOBS, "Remaining": _BULK_QUERY_JOBS - org.query_jobs.started},
            "DataStorageMB": {"Max": 1024, "Remaining": 1024},
            "FileStorageMB": {"Max": 1024, "Remaining": 1024},
        }
    )


@blueprint.get("/services/data/v<version>/limits/recordCount")
def record_count(version: str) -> Response:
    """Records an object; all objects where none is asked for. A name nobody knows is left out."""
    store = emulator().store
    asked = request.args.get("sObjects")
    names = [n.strip() for n in asked.split(",")] if asked else [s.name for s in store.schema]
    counts = []
    with store.reading() as conn:
        for sobject in filter(None, (store.schema.get(n) for n in names)):
            alive = ' WHERE "IsDeleted" = 0' if sobject.get("IsDeleted") else ""
            count = conn.execute(f'SELECT count(*) FROM "{sobject.name}"{alive}').fetchone()[0]
            counts.append({"count": count, "name": sobject.name})
    return json_answer({"sObjects": counts})
