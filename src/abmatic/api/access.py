"""Who may do what: a key in the Authorization header, and the role that an operation needs.

Bad keys are counted for each address; after some, only keys that were good a moment ago are looked at, so that
guessing costs the database nothing and those who share the address go on. The count is each process's own.
"""

from __future__ import annotations

from collections.abc import Callable

from django.core.cache import cache
from django.http import HttpRequest
from ninja.security import HttpBearer

from abmatic.api.problems import ApiProblem, unauthorized
from abmatic.changes.models import Cause
from abmatic.identity import api_keys
from abmatic.identity.api_keys import KeyRefused
from abmatic.identity.models import ApiKey, Role
from abmatic.sync.settings_history import Author

# Bad keys of one address in so many seconds.
MOST_BAD = 20
WINDOW = 300
_ROLES = list(Role)


class BearerKey(HttpBearer):
    """Lets keys of a role in, and of those that include it."""

    needed: Role

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey:
        """The key. Raises `ApiProblem`."""
        key = _find(request, token.strip())
        if _ROLES.index(Role(key.role)) > _ROLES.index(self.needed):
            raise ApiProblem(
                403,
                "role",
                "The key may not do this",
                f"This needs the role {self.needed.label}; the key {key.prefix} has {Role(key.role).label}.",
                "An administrator makes another key.",
            )
        api_keys.note_use(key)
        return key


def _find(request: HttpRequest, token: str) -> ApiKey:
    address = request.META.get("REMOTE_ADDR", "")
    bad, good = f"api-bad:{address}", f"api-good:{api_keys.hash_of(token).hex()}"
    if cache.get(bad, 0) >= MOST_BAD and not cache.get(good):
        raise ApiProblem(
            429,
            "too_many_bad_keys",
            "You can't be let in",
            f"{MOST_BAD} keys that open nothing came from this address in a few minutes.",
            "Wait, then send a key that is valid.",
            headers={"Retry-After": str(WINDOW)},
        )
    try:
        key = api_keys.find(token)
    except KeyRefused as refused:
        cache.delete(good)
        if not cache.add(bad, 1, WINDOW):
            cache.incr(bad)
        raise unauthorized(str(refused)) from None
    cache.set(good, True, WINDOW)
    return key


class ViewerKey(BearerKey):
    """Any key."""

    openapi_description = "An API key of any role."
    needed = Role.VIEWER


class OperatorKey(BearerKey):
    """Keys of operators and administrators."""

    openapi_description = "An API key with the role operator or administrator."
    needed = Role.OPERATOR


class AdministratorKey(BearerKey):
    """Keys of administrators."""

    openapi_description = "An API key with the role administrator."
    needed = Role.ADMINISTRATOR


VIEWER, OPERATOR, ADMINISTRATOR = ViewerKey(), OperatorKey(), AdministratorKey()


def key_of(request: HttpRequest) -> ApiKey:
    """The key that was accepted."""
    # Where ninja keeps what `BearerKey` answered; Django's request knows nothing of it.
    key = getattr(request, "auth", None)
    assert isinstance(key, ApiKey), "an address without a key asks for its key"
    return key


def act_of(request: HttpRequest) -> Callable[[], Cause]:
    """Makes the cause of what the request changes: its key."""
    key = key_of(request)

    def make() -> Cause:
        return Cause.objects.create(kind=Cause.Kind.API, api_key=key, note=_called(key))

    return make


def author_of(request: HttpRequest) -> Author:
    """Who changes settings: the key."""
    return Author(name=f"API key {_called(key_of(request))}")


def _called(key: ApiKey) -> str:
    return f"{key.name} ({key.prefix})"
