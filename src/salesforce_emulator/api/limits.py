"""/limits and /limits/recordCount."""

from __future__ import annotations

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import json_answer
from salesforce_emulator.runtime import Usage, emulator, visible_schema

blueprint = Blueprint("limits", __name__)


@blueprint.get("/services/data/v<version>/limits/")
@blueprint.get("/services/data/v<version>/limits")
def limits(version: str) -> Response:
    """What the org may use, and what is left of it."""
    org = emulator()
    return json_answer(
        {
            "DailyApiRequests": _limit(org.usage),
            "DailyBulkApiBatches": _limit(org.bulk_batches),
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            "DailyBulkV2QueryJobs": _limit(org.bulk_queries),
            "DataStorageMB": {"Max": 1024, "Remaining": 1024},
            "FileStorageMB": {"Max": 1024, "Remaining": 1024},
        }
    )


def _limit(usage: Usage) -> dict[str, int]:
    return {"Max": usage.allowance, "Remaining": usage.left}


@blueprint.get("/services/data/v<version>/limits/recordCount")
def record_count(version: str) -> Response:
    """Records an object; all objects where none is asked for. A name nobody knows is left out."""
    store = emulator().store
    asked = request.args.get("sObjects")
    schema = visible_schema()
    names = [n.strip() for n in asked.split(",")] if asked else [s.name for s in schema]
    counts = []
    with store.reading() as conn:
        for sobject in (s for s in map(schema.get, names) if s is not None and s.kept):
            alive = ' WHERE "IsDeleted" = 0' if sobject.get("IsDeleted") else ""
            count = conn.execute(f'SELECT count(*) FROM "{sobject.name}"{alive}').fetchone()[0]
            counts.append({"count": count, "name": sobject.name})
    return json_answer({"sObjects": counts})
