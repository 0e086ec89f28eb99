"""Answers of the API that others make (an unknown method, a broken host name) have the form of its own."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from abmatic.api import problems
from abmatic.api.problems import ApiProblem

_PLACE = "/api/v1/"
_PAGES = ("/api/v1/docs/",)


class Problems:
    """Turns what is no problem document, and yet an error, into one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_ours = request.path_info.startswith(_PLACE) and request.path_info not in _PAGES
        if not is_ours or response.status_code < 400 or response.get("Content-Type") == problems.MEDIA_TYPE:
            return response
        told = _problem(request, response).answer()
        if "Allow" in response:
            told["Allow"] = response["Allow"]
        return told


def _problem(request: HttpRequest, response: HttpResponse) -> ApiProblem:
    if response.status_code >= 500:
        return problems.failed()
    if response.status_code == 404:
        return problems.not_found()
    if response.status_code == 405:
        reason = f"{request.method} is not possible at this address; {response.get('Allow', 'others')} is."
        remedy = "GET /api/v1/openapi.json lists the addresses."
        return ApiProblem(405, "method", "The request can't be carried out", reason, remedy)
    reason = "It isn't a request that this server takes."
    return ApiProblem(
        response.status_code, "refused", "The request can't be read", reason, "Check address and headers."
    )
