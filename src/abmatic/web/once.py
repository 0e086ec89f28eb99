"""A form that is sent twice is done once: a double press, or one more after going back, makes no second record.

The page gives each form a number of its own. What is kept is a digest of that number with all that the form said, so a
form that was altered meanwhile is another one and is done. Whoever comes second waits for the first to be committed,
and is led where that one was led.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect

from abmatic.identity import sent_forms
from abmatic.web.http import PageRequest

# The field that carries the number.
FIELD = "once"


def number() -> str:
    """For a form that is shown now."""
    return secrets.token_urlsafe(16)


def once(request: PageRequest, act: Callable[[], HttpResponse]) -> HttpResponse:
    """What ``act`` answers, which is done and noted in one transaction. What leads nowhere was not done."""
    if not request.POST.get(FIELD):
        return act()
    digest = _digest(request)
    with transaction.atomic():
        led = sent_forms.claim(digest)
        if led is not None:
            messages.info(request, "This was sent twice, and done once.")
            return HttpResponseRedirect(led)
        answer = act()
        if isinstance(answer, HttpResponseRedirect):
            sent_forms.note(digest, answer.url)
        else:
            transaction.set_rollback(True)
    return answer


def _digest(request: PageRequest) -> str:
    said = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    return hashlib.sha256(json.dumps([request.user.pk, request.path, said]).encode()).hexdigest()
