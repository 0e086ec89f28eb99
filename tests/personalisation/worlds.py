"""Experiences as a person would make them, and browsers that ask what they see."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from abmatic.campaigns.models import Campaign
from abmatic.identity.audit import Author
from abmatic.personalisation import managing, running
from abmatic.personalisation.models import Experience
from abmatic.personalisation.wanted import ExperienceWanted
from abmatic.tracking import collecting, sites
from abmatic.tracking.models import TrackingSite

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ORIGIN = "https://www.acme.com"
ALICE = Author(name="Alice")
HEADLINE = {"kind": "text", "selector": "h1", "value": "Hello, manufacturer"}


def wanted(site: TrackingSite, **values: Any) -> ExperienceWanted:
    """An experience that is on for everybody on /prices, one variant, no control group, unless said otherwise."""
    told = {
        "name": "Headline", "site": site.pk, "pages": ["/prices"], "control_percent": 0, "is_on": True,
        "variants": [{"name": "A", "changes": [HEADLINE]}],
    }  # fmt: skip
    return ExperienceWanted.model_validate(told | values)


def experience(site: TrackingSite, **values: Any) -> Experience:
    """One that is saved, of a campaign of its own unless one is given."""
    campaign = values.pop("campaign", None) or Campaign.objects.create(name="Spring")
    made = managing.add(campaign, wanted(site, **values), by=ALICE)
    forget()
    return made


def forget() -> None:
    """What this process remembers between requests is asked for again."""
    running.forget_known()
    sites.forget_known()
    collecting.forget_rates()


class Somebody:
    """A browser with the script's cookie."""

    def __init__(self, site: TrackingSite, visitor: str | None = "visitor-of-the-first-kind") -> None:
        self.site = site
        self.visitor = visitor
        self.client = Client()

    def post(self, body: Any, **meta: str) -> Any:
        """The answer to a request as the script sends it."""
        headers = {"HTTP_USER_AGENT": FIREFOX, "HTTP_ORIGIN": ORIGIN, "REMOTE_ADDR": "203.0.113.77"} | meta
        told = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(f"/collect/{self.site.public_id}/decide", told, content_type="text/plain", **headers)

    def asks(self, *experiences: Experience, url: str = f"{ORIGIN}/prices", **more: Any) -> Any:
        """The answer of a page that asks for experiences."""
        ids = [each.pk for each in experiences]
        return self.post({"visitor": self.visitor, "url": url, "experiences": ids, **more})

    def sees(self, *experiences: Experience, **more: Any) -> dict[int, int]:
        """The variant (0: the control group) of each experience that they are in the audience of."""
        answer = self.asks(*experiences, **more)
        assert answer.status_code == 200, answer.content
        return {each["id"]: each["variant"] for each in answer.json()["experiences"]}
