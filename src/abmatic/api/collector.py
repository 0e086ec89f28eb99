"""The doors for the pages of other sites: the tracking script, and the collector that it sends to.

Nobody signs in here, no cookie is read or set, and a request must cost little: so this stands before sessions, CSRF and
sign-in, as a layer of its own instead of views behind all of those.

GET  /t/<public id>.js       the script
GET  /t/personalise-….js     the part of it that personalises, which it loads where a site has experiences running
POST /collect/<public id>/decide   what a visitor sees: a JSON object {"experiences": [{"id", "variant", "changes"}]}
                             400, 403, 404, 413, 429 nothing, and what is there stays as it is · 503 the same
POST /collect/<public id>    up to 20 events, in at most 8 KB of JSON (sent as text/plain or application/json)
                             204 all are committed · 200 some were dropped: a JSON object says why · 400, 403, 404, 413,
                             429 none was taken, and sending it again helps nothing · 503 send it again
"""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson
import psycopg
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError

from abmatic.personalisation import deciding
from abmatic.personalisation.deciding import Decision
from abmatic.personalisation.script import serving as personalising
from abmatic.tracking import collecting, sites
from abmatic.tracking.collecting import Hit, Outcome, Unavailable
from abmatic.tracking.incoming import LARGEST_BODY
from abmatic.tracking.script import serving
from abmatic.tracking.script.serving import Served

_COLLECT = re.compile(r"^/collect/(?P<id>[A-Za-z0-9]{1,40})/?$")
_DECIDE = re.compile(r"^/collect/(?P<id>[A-Za-z0-9]{1,40})/decide/?$")
_PART = re.compile(r"^/t/(?P<name>personalise-[0-9a-f]+\.js)$")
_SCRIPT = re.compile(r"^/t/(?P<id>[A-Za-z0-9]{1,40})\.js$")
# Some proxies add the port: 192.0.2.1:443, [2001:db8::1]:443.
_PORT = re.compile(r"^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$")
# Seconds after which a browser may try again.
_RETRY_AFTER = "5"


class Collector:
    """Answers these addresses, and passes everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith("/collect/") and (found := _COLLECT.match(path)):
            return _collect(request, found["id"])
        if path.startswith("/collect/") and (found := _DECIDE.match(path)):
            return _decide(request, found["id"])
        if path.startswith("/t/") and (found := _SCRIPT.match(path)):
            return _script(request, found["id"])
        if path.startswith("/t/") and (found := _PART.match(path)):
            return _part(request, found["name"])
        return self.get_response(request)


def _collect(request: HttpRequest, public_id: str) -> HttpResponse:
    if request.method == "OPTIONS":
        return _shared(HttpResponse(status=204), request, public_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST", "OPTIONS"])
    try:
        outcome = collecting.collect(_hit(request, public_id))
    except (Unavailable, DatabaseError, UnreadablePostError):
        answer = HttpResponse("Not stored: send it again.\n", status=503, content_type="text/plain")
        answer["Retry-After"] = _RETRY_AFTER
        return _shared(answer, request, public_id)
    return _shared(_told(outcome), request, public_id)


def _decide(request: HttpRequest, public_id: str) -> HttpResponse:
    if request.method == "OPTIONS":
        return _shared(HttpResponse(status=204), request, public_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST", "OPTIONS"])
    try:
        decision = deciding.decide(_hit(request, public_id))
    except (DatabaseError, psycopg.Error, UnreadablePostError):
        decision = Decision(503)
    told = orjson.dumps({"experiences": decision.experiences})
    answer = HttpResponse(told, status=decision.status, content_type="application/json")
    return _shared(answer, request, public_id)


def _told(outcome: Outcome) -> HttpResponse:
    if outcome.status == 204:
        return HttpResponse(status=204)
    told = orjson.dumps({"accepted": outcome.accepted, "dropped": outcome.dropped})
    return HttpResponse(told, status=outcome.status, content_type="application/json")


def _hit(request: HttpRequest, public_id: str) -> Hit:
    meta = request.META
    try:
        # One byte more than is taken tells that it is too long.
        body = request.read(LARGEST_BODY + 1)
    except RequestDataTooBig:
        body = b" " * (LARGEST_BODY + 1)
    return Hit(
        public_id=public_id,
        body=body,
        address=_address(request),
        user_agent=meta.get("HTTP_USER_AGENT", ""),
        origin=meta.get("HTTP_ORIGIN", ""),
        referer=meta.get("HTTP_REFERER", ""),
        has_gpc=meta.get("HTTP_SEC_GPC") == "1",
        has_dnt=meta.get("HTTP_DNT") == "1",
    )


def _address(request: HttpRequest) -> str:
    """The visitor's address: the connection's, or, behind a proxy that we trust, the one that the proxy saw."""
    if settings.ENVIRONMENT.trusted_proxies:
        # The last is what our own proxy added; what stands before it anybody can have sent.
        forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
        if forwarded:
            return _PORT.sub(r"\1\2", forwarded)
    return str(request.META.get("REMOTE_ADDR", ""))


def _shared(answer: HttpResponse, request: HttpRequest, public_id: str) -> HttpResponse:
    """Lets pages of the site's origins read the answer."""
    answer["Cache-Control"] = "no-store"
    answer["Vary"] = "Origin"
    if answer.content:
        # Known, so that it is sent in one piece: the layer that says so for pages stands behind this one.
        answer["Content-Length"] = str(len(answer.content))
    origin = request.META.get("HTTP_ORIGIN", "")
    try:
        site = sites.by_public_id(public_id) if origin else None
    except DatabaseError:
        return answer
    if site is not None and site.allows(origin):
        answer["Access-Control-Allow-Origin"] = origin
        answer["Access-Control-Expose-Headers"] = "Retry-After"
        if request.method == "OPTIONS":
            answer["Access-Control-Allow-Methods"] = "POST"
            answer["Access-Control-Allow-Headers"] = "Content-Type"
            answer["Access-Control-Max-Age"] = "86400"
    return answer


def _script(request: HttpRequest, public_id: str) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    site = sites.by_public_id(public_id)
    if site is None or not site.is_active:
        text = f"// Abmatic: the site {public_id} is {'unknown' if site is None else 'turned off'}.\n"
        answer = HttpResponse(text, status=404, content_type=serving.MEDIA_TYPE)
        answer["Cache-Control"] = "no-store"
        return answer
    served = serving.script_of(site, settings.BASE_URL, personalising.told_to(site.id))
    return _file(request, served, f"public, max-age={serving.FRESH}")


def _part(request: HttpRequest, name: str) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    # A script that was loaded before an upgrade asks for the part as it was.
    fresh = "public, max-age=31536000, immutable" if name == personalising.name_of_part() else "no-store"
    return _file(request, personalising.part(), fresh)


def _file(request: HttpRequest, served: Served, fresh: str) -> HttpResponse:
    if served.tag in request.META.get("HTTP_IF_NONE_MATCH", ""):
        answer = HttpResponse(status=304)
    elif "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", ""):
        answer = HttpResponse(served.gzipped, content_type=serving.MEDIA_TYPE)
        answer["Content-Encoding"] = "gzip"
    else:
        answer = HttpResponse(served.plain, content_type=serving.MEDIA_TYPE)
    answer["ETag"] = served.tag
    answer["Cache-Control"] = fresh
    answer["Vary"] = "Accept-Encoding"
    # Pages that isolate themselves load nothing that doesn't say so.
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
