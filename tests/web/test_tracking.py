"""Settings → Web tracking."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.personalisation.test_deciding import visit, visitor
from tests.personalisation.worlds import experience
from tests.web.conftest import SignedIn

from abmatic.engagement.models import NewPeople
from abmatic.identity.models import AuditEntry, User
from abmatic.tracking.models import DEFAULT_FIELDS, TrackingDrop, TrackingHour, TrackingSite

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Acme", "origins": "www.acme.com\nhttps://*.acme.com/path\nwww.acme.com", "mode": "identified",
    "consent": "not_needed", "honours_dnt": "on", "cookie_days": "30", "captures_forms": "on", "is_active": "on",
    "captured_fields": "email\ncompany", "new_people_a_day": "50",
}  # fmt: skip


@pytest.fixture
def site() -> TrackingSite:
    return TrackingSite.objects.create(name="Acme", origins=["https://www.acme.com"])


def test_an_empty_page_says_what_for_and_who_may_begin(admin: Client, vera: User, signed_in: SignedIn) -> None:
    assert "one line to paste" in admin.get(reverse("tracking-sites")).text
    seen = signed_in(vera).get(reverse("tracking-sites")).text
    assert "An administrator can add a site." in seen
    assert "New site" not in seen


def test_a_site_is_added_and_leads_to_its_line(admin: Client) -> None:
    assert all(name in admin.get(reverse("tracking-site-new")).text for name in DEFAULT_FIELDS)
    answer = admin.post(reverse("tracking-site-new"), FORM, follow=True)
    made = TrackingSite.objects.get()
    assert made.origins == ["https://www.acme.com", "https://*.acme.com"]
    assert (made.captured_fields, made.cookie_days, made.honours_gpc_cookieless) == (["email", "company"], 30, False)
    assert (
        f'value="&lt;script async src=&quot;http://127.0.0.1:8000/t/{made.public_id}.js&quot;&gt;&lt;/script&gt;"'
        in answer.text
    )
    assert "Waiting for the first event" in answer.text
    entry = AuditEntry.objects.get(about="site")
    assert (entry.subject, entry.act) == ("Acme", "site added")
    assert admin.get(f"/t/{made.public_id}.js").status_code == 200


def test_visits_that_no_page_sent_are_told_from_those_that_arrive(
    vera: User, signed_in: SignedIn, site: TrackingSite
) -> None:
    other = TrackingSite.objects.create(name="Other", origins=["https://other.example"])
    moment = visit(visitor(), site, timedelta(hours=3)).began_at
    client = signed_in(vera)
    page = client.get(reverse("tracking-site", args=[site.pk])).text
    assert "No event of its pages yet" in page
    assert "but none came by the script" in page
    assert moment.isoformat() in page
    assert "Waiting for the first event" not in page
    assert "Waiting for the first event" in client.get(reverse("tracking-site", args=[other.pk])).text
    rows = client.get(reverse("tracking-sites")).text
    assert (rows.count("No event of its pages yet"), rows.count("Waiting for the first event")) == (1, 1)
    TrackingHour.objects.create(site=site, hour=moment, number=1, first_at=moment, last_at=moment)
    page = client.get(reverse("tracking-site", args=[site.pk])).text
    assert "Live" in page
    assert "none came by the script" not in page


def test_a_personalised_site_is_given_the_line_that_holds_the_page_back(
    vera: User, signed_in: SignedIn, site: TrackingSite
) -> None:
    def lines() -> list[tuple[str, str]]:
        """Each with its label, in the page's order."""
        shown = signed_in(vera).get(reverse("tracking-site", args=[site.pk])).text
        found = re.findall(r'readonly value="([^"]+)" aria-label="([^"]+)"', shown)
        return [(html.unescape(line), label) for line, label in found]

    script = f'src="http://127.0.0.1:8000/t/{site.public_id}.js"></script>'
    assert lines() == [
        (f"<script async {script}", "The line to paste"),
        (f"<script {script}", "The line of personalised pages"),
    ]
    experience(site, is_on=False)
    assert lines() == [
        (f"<script {script}", "The line to paste"),
        (f"<script async {script}", "The line of other pages"),
    ]


def test_a_site_is_changed_and_the_change_noted(admin: Client, site: TrackingSite) -> None:
    shown = admin.get(reverse("tracking-site-edit", args=[site.pk])).text
    assert "https://www.acme.com</textarea>" in shown
    admin.post(reverse("tracking-site-edit", args=[site.pk]), {**FORM, "mode": "cookieless"})
    site.refresh_from_db()
    assert site.mode == "cookieless"
    told = {each["what"]: (each["before"], each["after"]) for each in AuditEntry.objects.get(about="site").differences}
    assert told["mode"] == ("identified", "cookieless")
    assert "name" not in told


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 101}, "at most 100 letters"),
        ({"origins": ""}, "required"),
        ({"origins": "ftp://acme.com"}, "is no origin of a website: say https://www.example.com"),
        ({"cookie_days": "396"}, "395"),
        ({"cookie_days": "0"}, "1"),
        ({"new_people_a_day": "0"}, "greater than or equal to 1"),
        ({"mode": "secret"}, "not one of the available choices"),
        ({"captured_fields": "e-mail!"}, "is no name of a field"),
        ({"captured_fields": "\n".join(f"f{number}" for number in range(51))}, "50 is the most"),
    ],
)
def test_what_does_not_fit_is_said(admin: Client, site: TrackingSite, wrong: dict[str, str], words: str) -> None:
    for address in (reverse("tracking-site-new"), reverse("tracking-site-edit", args=[site.pk])):
        answer = admin.post(address, {**FORM, **wrong})
        assert answer.status_code == 200
        assert words in answer.text
    assert TrackingSite.objects.get().mode == "identified"


def test_the_page_tells_what_has_come_and_what_was_dropped(admin: Client, site: TrackingSite) -> None:
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    TrackingHour.objects.create(site=site, hour=hour, number=1234, first_at=now, last_at=now, last_host="www.acme.com")
    TrackingHour.objects.create(
        site=site, hour=hour - timedelta(days=3), number=5, first_at=hour, last_at=hour, last_host="old.acme.com"
    )
    TrackingDrop.objects.create(site=site, day=now.date(), reason="origin", number=7, last_at=now)
    TrackingDrop.objects.create(site=site, day=now.date() - timedelta(days=9), reason="bot", number=8, last_at=now)
    for address in ("tracking-site", "tracking-site-live"):
        shown = admin.get(reverse(address, args=[site.pk])).text
        assert '<strong dir="auto">www.acme.com</strong>' in shown
        assert "1,234 events in the last 24 hours" in shown
        assert "Add the origin of these pages to the site" in shown
        assert "These were no people" not in shown
    assert "1,234 events" in admin.get(reverse("tracking-sites")).text


def test_the_page_tells_how_many_people_were_made_and_were_not(admin: Client, site: TrackingSite) -> None:
    NewPeople.objects.create(site_id=site.pk, day=timezone.now().date(), made=7, over_limit=1234, switched_off=3)
    shown = admin.get(reverse("tracking-site", args=[site.pk])).text
    assert "3 unknown addresses given today" in shown
    admin.post(reverse("tracking-site-edit", args=[site.pk]), {**FORM, "makes_people": "on"})
    for address in ("tracking-site", "tracking-site-live"):
        shown = admin.get(reverse(address, args=[site.pk])).text
        assert "7 new people made today" in shown
        assert "1,234 more were not made: the site makes 50 a day" in shown
        assert "by their networks" not in shown
    for number, told, is_over in ((1, "1 new company made", False), (50, "50 new companies made", True)):
        NewPeople.objects.update(companies=number)
        shown = admin.get(reverse("tracking-site", args=[site.pk])).text
        assert f"{told} today by their networks" in shown
        assert ("This site makes no more today" in shown) is is_over
    told = {each["what"]: (each["before"], each["after"]) for each in AuditEntry.objects.get(about="site").differences}
    assert told["makes people and companies"] == (False, True)


def test_operators_and_viewers_read(oscar: User, vera: User, signed_in: SignedIn, site: TrackingSite) -> None:
    for person in (oscar, vera):
        shown = signed_in(person).get(reverse("tracking-site", args=[site.pk])).text
        assert site.public_id in shown
        assert "Edit the site" not in shown


def test_every_reason_has_a_remedy() -> None:
    from abmatic.tracking.arrivals import REMEDIES
    from abmatic.tracking.models import Drop

    # Without a site there is no page that would show it.
    assert set(REMEDIES) == set(Drop) - {Drop.UNKNOWN_SITE}
