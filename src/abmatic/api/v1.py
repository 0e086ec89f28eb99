"""Version 1 of the API, put together."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from abmatic import __version__
from abmatic.api import (
    campaign_links,
    campaigns,
    changes,
    connections,
    experiences,
    fields,
    imports,
    issues,
    previews,
    problems,
    pushes,
    records,
    runs,
)

_ABOUT = """\
Reads and changes what Abmatic holds, and starts, watches and undoes syncs with Salesforce. A key in the header
`Authorization: Bearer abm_…` says who asks. Lists are paged by cursors. Whatever goes wrong has one form: the thing,
the reason, the remedy."""


class _Parser(Parser):
    """Strict JSON: no NaN, no broken characters, nothing nested without end."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(request.body)
        return body


class _Api(NinjaAPI):
    def get_openapi_schema(self, **how: Any) -> OpenAPISchema:
        """Problems have a media type of their own, which ninja can't be told."""
        schema = super().get_openapi_schema(**how)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in response.get("content", {}):
                        response["content"] = {problems.MEDIA_TYPE: response["content"]["application/json"]}
        return schema


api = _Api(title="Abmatic", version=__version__, description=_ABOUT, urls_namespace="api-v1", docs_url=None,
           parser=_Parser())  # fmt: skip
for router in (
    connections.router,
    runs.router,
    previews.router,
    pushes.router,
    issues.router,
    changes.router,
    fields.router,
    imports.router,
    campaigns.router,
    campaign_links.router,
    experiences.router,
):
    api.add_router("", router)
for record in ("account", "contact", "opportunity"):
    api.add_router("", records.router_of(record))
# Those that ninja has handlers of its own for, and everything else.
for kind in (Http404, HttpError, ValidationError, Exception):
    api.add_exception_handler(kind, problems.answer)


def unknown(request: HttpRequest, path: str = "") -> HttpResponse:
    """An address of which there is nothing."""
    return problems.not_found().answer()
