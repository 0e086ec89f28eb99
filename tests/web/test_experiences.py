"""The tab Web of a campaign: the form with its rows, what is refused where, switching, previews, results."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.personalisation.worlds import experience, forget
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Collection
from abmatic.campaigns.models import Campaign
from abmatic.identity.models import User
from abmatic.personalisation import managing, results
from abmatic.personalisation.models import Assignment, Experience
from abmatic.personalisation.results import Compared, Group
from abmatic.tracking.models import TrackingSite
from abmatic.web.campaigns import experiences

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> TrackingSite:
    forget()
    return TrackingSite.objects.create(name="Acme site", origins=["https://*.acme.com"])


@pytest.fixture
def operator(signed_in: SignedIn, oscar: User) -> Client:
    return signed_in(oscar)


@pytest.fixture
def viewer(signed_in: SignedIn, vera: User) -> Client:
    return signed_in(vera)


@pytest.fixture
def campaign() -> Campaign:
    return Campaign.objects.create(name="Spring")


def typed(site: TrackingSite, **values: Any) -> dict[str, Any]:
    """The form, filled in."""
    return {
        "name": "Headline", "site": site.pk, "pages": "/prices\n/blog/*", "known": "known", "visit": "any",
        "collection": "", "utm_source": "news", "starts_at": "2026-01-01T08:00", "ends_at": "",
        "control_percent": "20", "is_on": "1", "v0-id": "", "v0-name": "A", "v0-weight": "1",
        "v0-c0-kind": "text", "v0-c0-selector": "h1", "v0-c0-value": "Hello <b>you</b>", "v0-c0-link": "",
        "v0-c1-kind": "banner:bottom", "v0-c1-selector": "", "v0-c1-value": "New", "v0-c1-link": "/prices",
        "v0-c2-kind": "", "v0-c2-selector": "", "v0-c2-value": "", "v0-c2-link": "", "do": "save",
    } | values  # fmt: skip


def base(campaign: Campaign) -> str:
    return f"/campaigns/{campaign.pk}/web/"


def test_it_is_made_shown_changed_switched_and_removed(
    operator: Client, site: TrackingSite, campaign: Campaign
) -> None:
    assert "New experience" in operator.get(base(campaign)).text
    made = operator.post(f"{base(campaign)}new/", typed(site))
    one = Experience.objects.get()
    assert made.url == f"{base(campaign)}{one.pk}/"
    assert (one.pages, one.control_percent, one.is_on) == (["/prices", "/blog/*"], 20, True)
    assert one.variants.get().changes == [
        {"kind": "text", "selector": "h1", "value": "Hello <b>you</b>"},
        {"kind": "banner", "value": "New", "link": "/prices", "position": "bottom"},
    ]
    page = operator.get(made.url).text
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in page
    assert "https://www.acme.com/prices?abmatic_preview=" in page
    assert "Nothing to compare yet" in page

    form = operator.get(f"{made.url}edit/").text
    assert 'value="2026-01-01T08:00"' in form
    seen = re.search(r'name="seen" value="([^"]+)"', form)
    assert seen is not None
    again = typed(
        site,
        name="Second",
        seen=html.unescape(seen[1]),
        **{"v0-id": one.variants.get().pk, "v0-c1-kind": "", "v0-c1-value": ""},
    )
    assert operator.post(f"{made.url}edit/", again).status_code == 302
    assert len(one.variants.get().changes) == 1
    late = operator.post(f"{made.url}edit/", again | {"name": "Third"})
    assert late.status_code == 400
    assert "“Second” was changed meanwhile, by Oscar" in late.text
    operator.post(f"{made.url}switch/", {"to": "off"})
    assert "“Second” is off" in operator.get(made.url).text
    assert operator.post(f"{made.url}remove/").url == base(campaign)
    assert not Experience.objects.exists()


def test_the_form_says_at_the_fields_in_which_zone_times_are_typed(
    operator: Client, oscar: User, site: TrackingSite, campaign: Campaign
) -> None:
    form = operator.get(f"{base(campaign)}new/").text
    assert "Start (UTC)" in form
    assert "End (UTC)" in form
    assert "not in your browser’s time zone" in form
    User.objects.filter(pk=oscar.pk).update(time_zone="America/New_York")
    form = operator.get(f"{base(campaign)}new/").text
    assert "Start (America/New_York)" in form
    assert "browser" not in form.split('id="zone-help"')[1].split("</p>")[0]
    operator.post(f"{base(campaign)}new/", typed(site, starts_at="2026-01-01T08:00"))
    one = Experience.objects.get()
    assert one.starts_at == datetime(2026, 1, 1, 13, tzinfo=UTC)
    assert 'value="2026-01-01T08:00"' in operator.get(f"{base(campaign)}{one.pk}/edit/").text


def test_rows_are_added_and_what_was_typed_stays(operator: Client, site: TrackingSite, campaign: Campaign) -> None:
    page = operator.post(f"{base(campaign)}new/", typed(site, do="change-0")).text
    assert 'name="v0-c3-kind"' in page
    page = operator.post(f"{base(campaign)}new/", typed(site, do="variant", name="Half done")).text
    assert 'name="v1-c0-kind"' in page
    assert re.search(r'name="v1-name"[^>]*value="B"', page)
    assert 'value="Half done"' in page
    assert not Experience.objects.exists()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": ""}, "Name: this is needed"),
        ({"site": ""}, "Site: this is needed"),
        ({"pages": "prices"}, "Pages: “prices” is no path"),
        ({"control_percent": "95"}, "Control group: "),
        ({"control_percent": "half"}, "Control group: give a whole number"),
        ({"ends_at": "2025-01-01T08:00"}, "It ends before it begins"),
        ({"starts_at": "soon"}, "Start: “soon” is no day and time"),
        ({"collection": "999999"}, "The collection is not here any more"),
        ({"v0-c0-kind": "link"}, "Variant A: Text or address: “Hello"),
        ({"v0-c0-selector": "h1{}"}, "Variant A: Element: “h1{}” is no CSS selector"),
        ({"v0-c1-kind": ""}, "Element: name the element"),
        ({"v0-c0-value": "{{x}}"}, "may be taken for code"),
        ({"v0-c1-link": "javascript:alert(1)"}, "Variant A: Link: “javascript:alert(1)” is no address"),
        ({"v0-c0-kind": "attribute:onclick"}, "Variant A: Attribute: "),
        ({"v0-weight": ""}, "Variant A: Weight: give a whole number"),
        ({"v0-gone": "1"}, "Variants: at least one is needed"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_is(
    operator: Client, site: TrackingSite, campaign: Campaign, values: dict[str, str], says: str
) -> None:
    answer = operator.post(f"{base(campaign)}new/", typed(site) | values)
    assert answer.status_code == 400
    assert says in answer.text.replace("&lt;", "<"), re.findall(r'role="alert">(.*?)</div></div>', answer.text)
    assert not Experience.objects.exists()


def test_the_list_costs_the_same_however_many_there_are_and_comes_in_pages(
    viewer: Client, site: TrackingSite, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiences, "PAGE", 4)
    made = [experience(site, campaign=campaign, name="E1")]
    viewer.get(base(campaign))
    with CaptureQueriesContext(connection) as few:
        viewer.get(base(campaign))
    made += [experience(site, campaign=campaign, name=f"E{number}", pages=["/*"]) for number in range(2, 7)]
    for number, one in enumerate(made):
        Assignment.objects.bulk_create(
            Assignment(visitor=f"v{each}", experience=one, variant=one.variants.get(), assigned_at=timezone.now())
            for each in range(number)
        )
    with CaptureQueriesContext(connection) as many:
        page = viewer.get(base(campaign)).text
    assert len(many) == len(few), [each["sql"] for each in many]
    row = re.compile(r'dir="auto">(E\d)</a>.*?class="num">(\d+)</td>', re.DOTALL)
    assert row.findall(page) == [("E6", "5"), ("E5", "4"), ("E4", "3"), ("E3", "2")]
    older = re.search(r'<a href="(\?after=\d+)">Earlier experiences', page)
    assert older is not None
    rest = viewer.get(base(campaign) + older[1], HTTP_HX_REQUEST="true").text
    assert row.findall(rest) == [("E2", "1"), ("E1", "0")]
    assert "<html" not in rest
    assert "Earlier experiences" not in rest
    assert "<html" in viewer.get(base(campaign) + older[1]).text
    assert row.findall(viewer.get(f"{base(campaign)}?after={'9' * 30}").text)[0] == ("E6", "5")


def test_a_viewer_sees_and_changes_nothing(
    viewer: Client, operator: Client, site: TrackingSite, campaign: Campaign
) -> None:
    url = operator.post(f"{base(campaign)}new/", typed(site)).url
    page = viewer.get(url).text
    assert "Turn off" not in page
    assert "Remove" not in page
    assert "New experience" not in viewer.get(base(campaign)).text


def test_results_say_better_only_with_enough_people(
    viewer: Client, site: TrackingSite, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = experience(site, campaign=campaign)
    url = f"{base(campaign)}{one.pk}/"
    for seen, says in ((1_000, "Better than the control group"), (100, "Too few people yet")):
        control = Group(None, "Control", seen, seen, seen, 10, seen // 10)
        variant = Group(one.variants.get().pk, "A", seen, seen, seen, 10, seen // 5)
        found = results.Results(control, [results.compare(variant, control, 0.95)], 0.95)
        with monkeypatch.context() as patch:
            patch.setattr(results, "results_of", lambda _, found=found: found)
            page = viewer.get(url).text
        assert says in page
        assert "+10.0 points" in page
    assert isinstance(found.variants[0], Compared)


def test_a_collection_that_is_gone_is_said(viewer: Client, site: TrackingSite, campaign: Campaign) -> None:
    collection = Collection.objects.create(name="Targets", record="account")
    one = experience(site, campaign=campaign, collection=collection.pk)
    url = f"{base(campaign)}{one.pk}/"
    assert "Targets" in viewer.get(url).text
    collection.delete()
    assert "a collection that is gone: nobody" in viewer.get(url).text


def test_editing_never_turns_a_collection_into_everybody(
    operator: Client, site: TrackingSite, campaign: Campaign
) -> None:
    Collection.objects.bulk_create(Collection(name=f"A{number}", record="account") for number in range(250))
    collection = Collection.objects.create(name="Z", record="account")
    one = experience(site, campaign=campaign, collection=collection.pk)
    url = f"{base(campaign)}{one.pk}/edit/"
    chosen = re.compile(r'<select[^>]*name="collection".*?value="(\d*)" selected>([^<]*)', re.DOTALL)
    found = chosen.search(operator.get(url).text)
    assert found is not None
    assert found.groups() == (str(collection.pk), "Z (accounts)")
    collection.delete()
    page = operator.get(url).text
    found = chosen.search(page)
    assert found is not None
    assert found.groups() == (str(one.collection_id), "A collection that is gone")
    told = typed(site, collection=found[1], seen=one.updated_at.isoformat(), **{"v0-id": one.variants.get().pk})
    answer = operator.post(url, told)
    assert answer.status_code == 400
    assert "The collection is not here any more" in answer.text
    assert chosen.search(answer.text) is not None
    one.refresh_from_db()
    assert (one.name, one.collection_id) == ("Headline", int(found[1]))


def test_another_campaigns_experience_is_not_here(operator: Client, site: TrackingSite, campaign: Campaign) -> None:
    one = experience(site)
    assert operator.get(f"{base(campaign)}{one.pk}/").status_code == 404
    assert "That was removed already" in operator.post(f"{base(campaign)}{one.pk}/remove/", follow=True).text
    assert Experience.objects.filter(pk=one.pk).exists()
    assert managing.wanted_of(one)["name"] == "Headline"
    assert not Assignment.objects.exists()
