"""Who may do what. Viewing needs no decorator: the middleware lets only signed-in people in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http.response import HttpResponseBase

from abmatic.identity.models import Role, User
from abmatic.web.http import PageRequest

P = ParamSpec("P")
View = Callable[Concatenate[PageRequest, P], HttpResponseBase]


class RoleRequired(PermissionDenied):
    """The page needs a role that its visitor doesn't have."""

    def __init__(self, needed: Role, user: User) -> None:
        self.needed = needed
        super().__init__(
            f"This needs the role {needed.label}; yours is {Role(user.role).label}. "
            "An administrator can change your role."
        )


def operator_required(view: View[P]) -> View[P]:
    """For pages that start, stop or change something: operators and administrators."""
    return _required(view, Role.OPERATOR, lambda user: user.is_operator)


def administrator_required(view: View[P]) -> View[P]:
    """For connections, settings and users: administrators."""
    return _required(view, Role.ADMINISTRATOR, lambda user: user.is_administrator)


def _required(view: View[P], needed: Role, allowed: Callable[[User], bool]) -> View[P]:
    @wraps(view)
    def guarded(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not allowed(request.user):
            raise RoleRequired(needed, request.user)
        return view(request, *args, **kwargs)

    return guarded
