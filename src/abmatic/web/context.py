"""What the frame around every page needs: who is signed in, where they are, what is running."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from abmatic.web.running import running_syncs
from abmatic.web.tour import beside


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail."""

    label: str
    icon: str
    url: str
    is_here: bool


PLACES = (
    ("Home", "home", "home"),
    ("Accounts", "building", "accounts"),
    ("Contacts", "users", "contacts"),
    ("Opportunities", "briefcase", "opportunities"),
    ("Campaigns", "speakerphone", "campaigns"),
    ("Visitors", "device-desktop", "visitors"),
    ("Attribution", "chart-bar", "attribution"),
    ("Settings", "settings", "settings"),
)


def frame(request: HttpRequest) -> dict[str, object]:
    """The context of every page. Strangers get no frame, so nothing is asked of the database for them."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        provider = settings.ENVIRONMENT.identity_provider
        return {"sign_on_name": provider.name} if provider else {}
    return {
        "demo_org": settings.ENVIRONMENT.emulator_url if settings.ENVIRONMENT.demo else "",
        "places": [_place(request, *place) for place in PLACES],
        "syncs": running_syncs,
        "tour": beside(request),
    }


def _place(request: HttpRequest, label: str, icon: str, name: str) -> Place:
    url = reverse(name)
    here = request.path == url if url == "/" else request.path.startswith(url)
    # Runs are part of the connection they belong to.
    return Place(label, icon, url, here or (name == "settings" and request.path.startswith("/runs/")))
