"""Experiences of a campaign by the API: made, changed whole, refused with their reason, removed; their results."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Program, fault
from tests.personalisation.worlds import HEADLINE, Somebody, forget

from abmatic.campaigns.models import Campaign
from abmatic.identity.models import AuditEntry
from abmatic.personalisation.models import Experience, Variant
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> TrackingSite:
    forget()
    return TrackingSite.objects.create(name="Acme", origins=["https://www.acme.com"])


@pytest.fixture
def address() -> str:
    return f"/campaigns/{Campaign.objects.create(name='Spring').pk}/experiences"


def body(site: TrackingSite, **values: Any) -> dict[str, Any]:
    return {
        "name": "Headline", "site": site.pk, "pages": ["/prices"], "control_percent": 0, "is_on": True,
        "starts_at": "2026-01-01T08:00:00+01:00", "variants": [{"name": "A", "changes": [HEADLINE]}],
    } | values  # fmt: skip


def test_made_shown_changed_and_removed(operator: Program, site: TrackingSite, address: str) -> None:
    made = operator.ask("POST", address, body(site))
    assert made.status_code == 201, made.content
    told = made.json()
    assert told["variants"][0]["changes"] == [HEADLINE]
    assert told["variants"][0]["preview"].startswith("https://www.acme.com/prices?abmatic_preview=")
    assert told["starts_at"].startswith("2026-01-01T07:00:00")
    one = f"{address}/{told['id']}"
    assert operator.get(one).json()["changed_by"].startswith("API key ")
    assert [each["id"] for each in operator.get(address).json()["items"]] == [told["id"]]

    late = body(site, updated_at="2026-01-01T08:00:00Z")
    assert "changed meanwhile" in fault(operator.ask("PUT", one, late), 422)["detail"]
    variants = [{"id": told["variants"][0]["id"], "name": "A", "changes": [HEADLINE]}, {"name": "B", "weight": 3}]
    told_whole = body(site, name="Second", is_on=False, variants=variants, updated_at=told["updated_at"])
    changed = operator.ask("PUT", one, told_whole).json()
    assert (changed["name"], changed["is_on"]) == ("Second", False)
    assert [(each["name"], each["weight"]) for each in changed["variants"]] == [("A", 1), ("B", 3)]
    assert operator.ask("DELETE", one).json() == {"id": told["id"], "name": "Second"}
    assert fault(operator.get(one), 404)["code"] == "not_found"
    assert set(AuditEntry.objects.filter(about="site").values_list("act", flat=True)) == {
        "experience added", "experience changed", "experience removed"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"variants": [{"name": "A", "changes": [{"kind": "link", "selector": "a", "value": "x"}]}]}, "no whole"),
        ({"variants": [{"name": "A", "changes": [HEADLINE | {"kind": "html"}]}]}, "kind"),
        ({"pages": ["prices"]}, "no path"),
        ({"surprise": 1}, "surprise"),
        ({"name": "a\0b"}, "code 0"),
        ({"utm_source": "a\0b"}, "code 0"),
    ],
)  # fmt: skip
def test_what_is_unsafe_or_unknown_is_refused(
    operator: Program, site: TrackingSite, address: str, values: dict[str, Any], says: str
) -> None:
    told = fault(operator.ask("POST", address, body(site, **values)), 422)
    assert says in str(told)
    assert not Experience.objects.exists()


def test_what_older_rules_let_in_is_told_as_it_is_and_refused_when_it_is_sent_again(
    operator: Program, site: TrackingSite, address: str
) -> None:
    made = operator.ask("POST", address, body(site)).json()
    old = [{"kind": "link", "selector": "a", "value": "/a<b>"}, HEADLINE]
    Variant.objects.update(changes=old)
    one = f"{address}/{made['id']}"
    assert operator.get(one).json()["variants"][0]["changes"] == old
    assert operator.get(address).json()["items"][0]["variants"][0]["changes"] == old
    again = body(site, variants=[{"id": made["variants"][0]["id"], "name": "A", "changes": old}])
    assert "no address" in str(fault(operator.ask("PUT", one, again), 422))


def test_what_can_not_be_is_refused_with_its_remedy(operator: Program, site: TrackingSite, address: str) -> None:
    assert "no such site" in fault(operator.ask("POST", address, body(TrackingSite(pk=10**9))), 422)["detail"]
    fault(operator.ask("POST", "/campaigns/1000000000/experiences", body(site)), 404)
    made = operator.ask("POST", address, body(site)).json()
    other = Campaign.objects.create(name="Other").pk
    fault(operator.get(f"/campaigns/{other}/experiences/{made['id']}"), 404)


def test_results(operator: Program, viewer: Program, site: TrackingSite, address: str) -> None:
    made = operator.ask("POST", address, body(site)).json()
    forget()
    Somebody(site).sees(Experience.objects.get())
    told = viewer.get(f"{address}/{made['id']}/results").json()
    assert (told["confidence"], told["method"], told["least"]) == (0.95, "newcombe_score", 200)
    assert told["control"]["assigned"] == 0
    assert [(each["name"], each["assigned"], each["verdict"]) for each in told["variants"]] == [("A", 1, "none")]
