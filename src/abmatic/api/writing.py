"""Requests that write: all or nothing in one transaction, and once, however often they are sent.

A client that got no answer sends the request again with the same ``Idempotency-Key``. The answer is kept in the
transaction of what was done: so it is there exactly if that is. While the first is under way, the second is told so.
"""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Schema
from ninja.params.functions import Header

from abmatic.api.access import key_of
from abmatic.api.models import KeptAnswer
from abmatic.api.problems import ApiProblem
from abmatic.postgres.locks import taken_until_the_end

KEPT_FOR = timedelta(hours=24)
_MEDIA_TYPE = "application/json"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Any text of your own that names this request: sent again within 24 hours it is answered as the "
        "first time, and not carried out again.",
    ),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a writing operation answers."""

    body: Schema
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def as_response(self) -> HttpResponse:
        """As it is sent."""
        return _response(self.body.model_dump_json(), self.status, self.headers)


def writing(view: Callable[..., Answer]) -> Callable[..., HttpResponse]:
    """Makes an operation of a function that takes ``idempotency_key`` and answers an `Answer`."""

    @functools.wraps(view)
    def carried_out(request: HttpRequest, **given: Any) -> HttpResponse:
        return once(request, given.get("idempotency_key"), None, lambda: view(request, **given))

    return carried_out


def once(request: HttpRequest, name: str | None, asked: bytes | None, act: Callable[[], Answer]) -> HttpResponse:
    """Carries something out in one transaction, and once under a name.

    ``asked`` tells requests apart, where the body was read already and can't be hashed any more.
    """
    with transaction.atomic():
        if name is None:
            return act().as_response()
        return _once(request, name, _hash(request) if asked is None else asked, act)


def forget_answers() -> int:
    """Removes answers that are older than a day. Answers how many."""
    return KeptAnswer.objects.filter(at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _once(request: HttpRequest, name: str, asked: bytes, act: Callable[[], Answer]) -> HttpResponse:
    key = key_of(request).pk
    if not taken_until_the_end("api", key, name):
        raise ApiProblem(
            409,
            "in_progress",
            "The request is being carried out",
            f"A request with the Idempotency-Key {name} is under way.",
            "Wait a second, then send it again: it is answered as that one is.",
            headers={"Retry-After": "1"},
        )
    kept = KeptAnswer.objects.filter(api_key_id=key, name=name).first()
    if kept is not None and kept.at < timezone.now() - KEPT_FOR:
        KeptAnswer.objects.filter(api_key_id=key, name=name).delete()
        kept = None
    if kept is not None:
        if bytes(kept.request_hash) != asked:
            raise ApiProblem(
                422,
                "key_used",
                "The Idempotency-Key was used for another request",
                f"{name} named a request with another address or body within the last 24 hours.",
                "Give each request a key of its own.",
            )
        return _response(kept.body, kept.status, {**kept.headers, "Idempotency-Replayed": "true"})
    response = act().as_response()
    KeptAnswer.objects.create(
        api_key_id=key,
        name=name,
        request_hash=asked,
        status=response.status_code,
        body=response.content.decode(),
        headers={each: response[each] for each in ("ETag", "Location") if each in response},
    )
    return response


def _hash(request: HttpRequest) -> bytes:
    said = (request.method or "", request.get_full_path(), request.headers.get("If-Match", ""))
    return hashlib.sha256("\n".join(said).encode() + b"\n\n" + request.body).digest()


def _response(body: str, status: int, headers: dict[str, str]) -> HttpResponse:
    return HttpResponse(body, status=status, content_type=_MEDIA_TYPE, headers=headers)
