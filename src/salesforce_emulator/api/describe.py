"""Global describe, sObject basic information, and the full describe with its cache headers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import dumps, json_answer, json_bytes, not_found
from salesforce_emulator.runtime import api_version, visible_schema
from salesforce_emulator.schema import Schema, SObject
from salesforce_emulator.schema.objects import JsonObject

blueprint = Blueprint("describe", __name__)

_MODIFIED = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
"""When the metadata of an org that nobody changed last changed: when its release came."""

_GLOBAL_KEYS = (
    "activateable", "associateEntityType", "associateParentEntity", "createable", "custom", "customSetting",
    "deepCloneable", "deletable", "deprecatedAndHidden", "feedEnabled", "hasSubtypes", "isInterface", "isSubtype",
    "keyPrefix", "label", "labelPlural", "layoutable", "mergeable", "mruEnabled", "name", "queryable",
    "replicateable", "retrieveable", "searchable", "triggerable", "undeletable", "updateable",
)  # fmt: skip


def sobject_or_404(name: str) -> SObject:
    found = visible_schema().get(name)
    if found is None:
        raise not_found()
    return found


def global_entry(sobject: SObject) -> JsonObject:
    """An object as the global describe lists it."""
    base = f"/services/data/v{api_version()}/sobjects/{sobject.name}"
    urls = {"rowTemplate": f"{base}/{{ID}}", "describe": f"{base}/describe", "sobject": base}
    return {**{k: sobject.describe[k] for k in _GLOBAL_KEYS}, "urls": urls}


def full_describe(sobject: SObject) -> JsonObject:
    """An object's describe, with the URLs of this org and version."""
    host = request.host_url.rstrip("/")
    base = f"/services/data/v{api_version()}/sobjects/{sobject.name}"
    urls = {
        "compactLayouts": f"{base}/describe/compactLayouts",
        "rowTemplate": f"{base}/{{ID}}",
        "approvalLayouts": f"{base}/describe/approvalLayouts",
        "uiDetailTemplate": f"{host}/{{ID}}",
        "uiEditTemplate": f"{host}/{{ID}}/e",
        "listviews": f"{base}/listviews",
        "describe": f"{base}/describe",
        "uiNewRecord": f"{host}/{sobject.prefix}/e",
        "quickActions": f"{base}/quickActions",
        "layouts": f"{base}/describe/layouts",
        "sobject": base,
    }
    record_types = [
        {**r, "urls": {"layout": f"{base}/describe/layouts/{r['recordTypeId']}"}}
        for r in sobject.describe["recordTypeInfos"]
    ]
    fields = [f.describe for f in sobject.fields]
    return {**sobject.describe, "fields": fields, "recordTypeInfos": record_types, "urls": urls}


def _modified(*names: str) -> datetime:
    """When these objects' metadata last changed; without a name, anybody's."""
    changed = visible_schema().changed
    moments = [datetime.fromisoformat(at) for name, at in changed.items() if not names or name in names]
    return max([_MODIFIED, *moments])


@lru_cache(maxsize=128)
def _described(schema: Schema, name: str, version: str, host: str) -> tuple[bytes, str]:
    """The describe of an object of a schema and its ETag, made once for all who see that schema."""
    return _tagged(full_describe(schema[name]))


@lru_cache(maxsize=32)
def _listed(schema: Schema, version: str) -> tuple[bytes, str]:
    """The same of the global describe."""
    return _tagged({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [global_entry(s) for s in schema]})


def _tagged(body: JsonObject) -> tuple[bytes, str]:
    text = dumps(body)
    return text, hashlib.sha256(text).hexdigest()[:8]


def _cached(body: bytes, etag: str, modified: datetime) -> Response:
    """The body, or 304 where the client has it already."""
    answer = json_bytes(body)
    answer.headers["ETag"] = f'"{etag}"'
    answer.headers["Last-Modified"] = format_datetime(modified, usegmt=True)
    asked = request.headers.get("If-None-Match")
    if asked is not None:
        known = [tag.strip().removeprefix("W/").removesuffix('-gzip"').strip('"') for tag in asked.split(",")]
        fresh = etag in known or "*" in known
    else:
        fresh = _unchanged_since(request.headers.get("If-Modified-Since"), modified)
    if not fresh:
        return answer
    unchanged = Response(status=304)
    for name in ("ETag", "Last-Modified"):
        unchanged.headers[name] = answer.headers[name]
    return unchanged


def _unchanged_since(header: str | None, modified: datetime) -> bool:
    if not header:
        return False
    try:
        return parsedate_to_datetime(header) >= modified
    except (TypeError, ValueError):
        return False


@blueprint.get("/services/data/v<version>/sobjects/")
@blueprint.get("/services/data/v<version>/sobjects")
def describe_global(version: str) -> Response:
    return _cached(*_listed(visible_schema(), api_version()), _modified())


@blueprint.get("/services/data/v<version>/sobjects/<name>/")
@blueprint.get("/services/data/v<version>/sobjects/<name>")
def basic_information(version: str, name: str) -> Response:
    sobject = sobject_or_404(name)
    return json_answer({"objectDescribe": global_entry(sobject), "recentItems": []})


@blueprint.get("/services/data/v<version>/sobjects/<name>/describe/")
@blueprint.get("/services/data/v<version>/sobjects/<name>/describe")
def describe(version: str, name: str) -> Response:
    sobject = sobject_or_404(name)
    described = _described(visible_schema(), sobject.name, api_version(), request.host_url)
    return _cached(*described, _modified(sobject.name))
