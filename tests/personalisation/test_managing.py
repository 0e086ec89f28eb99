"""What an experience may be, what is noted of it, and what stays while people have seen it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from tests.personalisation import worlds
from tests.personalisation.worlds import HEADLINE, Somebody, experience, wanted

from abmatic.audiences.models import Collection
from abmatic.identity.models import AuditEntry
from abmatic.personalisation import managing
from abmatic.personalisation.managing import ExperienceRefused
from abmatic.personalisation.models import Experience
from abmatic.personalisation.wanted import ExperienceWanted
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db

TWICE = [{"name": "A", "changes": [HEADLINE]}, {"name": "a", "changes": [HEADLINE]}]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": " "}, "at least 1 character"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"pages": []}, "at least 1 item"),
        ({"pages": ["prices"]}, "say /prices"),
        ({"control_percent": 91}, "less than or equal to 90"),
        ({"countries": ["DE"]}, "Extra inputs"),
        ({"variants": []}, "at least 1 item"),
        ({"variants": TWICE}, "the same name"),
        ({"variants": [{"name": "A", "weight": 0, "changes": [HEADLINE]}]}, "all weights are 0"),
        ({"variants": [{"name": "A"}]}, "no variant changes anything"),
        ({"variants": [{"name": "A", "changes": [HEADLINE | {"selector": "h1{}"}]}]}, "no CSS selector"),
        (
            {"starts_at": datetime(2026, 1, 2, tzinfo=UTC), "ends_at": datetime(2026, 1, 1, tzinfo=UTC)},
            "before it begins",
        ),
        ({"starts_at": "2026-01-02T08:00:00"}, "with their zone"),
        ({"known": "somebody"}, "known"),
        ({"script": "alert(1)"}, "Extra inputs"),
        ({"name": "a\0b"}, "code 0"),
        ({"utm_campaign": "a\0b"}, "code 0"),
        ({"variants": [{"name": "a\0b", "changes": [HEADLINE]}]}, "code 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_remedy(site: TrackingSite, values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        wanted(site, **values)


def test_one_that_is_off_may_be_unfinished(site: TrackingSite) -> None:
    made = experience(site, is_on=False, variants=[{"name": "A"}])
    with pytest.raises(ExperienceRefused, match="edit it first"):
        managing.switch(made.pk, True, by=worlds.ALICE)


def test_sites_and_collections_must_be_there(site: TrackingSite) -> None:
    deals = Collection.objects.create(name="Deals", record="opportunity")
    for where, values, says in (
        (TrackingSite(pk=10**9), {}, "no such site"), (site, {"collection": 10**9}, "not here any more"),
        (site, {"collection": deals.pk}, "holds opportunities"),
    ):  # fmt: skip
        with pytest.raises(ExperienceRefused, match=says):
            experience(where, **values)
    assert not Experience.objects.exists()


def test_it_comes_back_as_it_was_wanted(site: TrackingSite) -> None:
    told = wanted(
        site, pages=["/a/", "/b/*"], utm_source=" news ", known="known", visit="first",
        starts_at=datetime(2026, 1, 1, tzinfo=UTC), ends_at=datetime(2027, 1, 1, tzinfo=UTC), control_percent=25,
        variants=[{"name": "A", "changes": [HEADLINE]}, {"name": "B", "weight": 3}],
    )  # fmt: skip
    made = experience(site, **told.model_dump(exclude={"site"}))
    made.refresh_from_db()
    back = ExperienceWanted.model_validate(managing.wanted_of(made))
    assert back.model_dump(exclude={"variants"}) == told.model_dump(exclude={"variants"})
    assert [each.model_dump(exclude={"id"}) for each in back.variants] == [
        each.model_dump(exclude={"id"}) for each in told.variants
    ]


def test_a_variant_that_was_seen_stays(site: TrackingSite) -> None:
    made = experience(site, variants=[{"name": "A", "changes": [HEADLINE]}, {"name": "B", "weight": 0}])
    Somebody(site).sees(made)
    seen, unseen = managing.wanted_of(made)["variants"]
    told = managing.wanted_of(made)
    with pytest.raises(ExperienceRefused, match="weight 0"):
        managing.change(
            made.pk,
            ExperienceWanted.model_validate(told | {"variants": [{"name": "C", "changes": [HEADLINE]}]}),
            by=worlds.ALICE,
        )
    new = {"name": "C", "changes": [HEADLINE]}
    managing.change(
        made.pk, ExperienceWanted.model_validate(told | {"variants": [new, seen | {"weight": 0}]}), by=worlds.ALICE
    )
    assert [(each.name, each.weight) for each in made.variants.all()] == [("C", 1), ("A", 0)]
    with pytest.raises(ExperienceRefused, match="no variant of"):
        managing.change(made.pk, ExperienceWanted.model_validate(told | {"variants": [unseen, seen]}), by=worlds.ALICE)


def test_who_did_what_is_noted(site: TrackingSite) -> None:
    made = experience(site)
    managing.switch(made.pk, False, by=worlds.ALICE)
    managing.switch(made.pk, False, by=worlds.ALICE)
    made.refresh_from_db()
    told = managing.wanted_of(made) | {"control_percent": 20}
    managing.change(made.pk, ExperienceWanted.model_validate(told), by=worlds.ALICE)
    managing.change(made.pk, ExperienceWanted.model_validate(told), by=worlds.ALICE)
    managing.remove(made.pk, by=worlds.ALICE)
    entries = list(AuditEntry.objects.order_by("id"))
    assert [(each.act, each.subject, each.by) for each in entries] == [
        ("experience added", "Headline", "Alice"), ("experience turned off", "Headline", "Alice"),
        ("experience changed", "Headline", "Alice"), ("experience removed", "Headline", "Alice"),
    ]  # fmt: skip
    assert [(each["what"], each["before"], each["after"]) for each in entries[2].differences] == [
        ("control group", 0, 20)
    ]


def test_there_is_an_end_to_what_a_page_is_told(site: TrackingSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managing, "MOST", 2)
    experience(site), experience(site)
    with pytest.raises(ExperienceRefused, match="turn another one off"):
        experience(site)
    last = experience(site, is_on=False)
    with pytest.raises(ExperienceRefused, match="turn another one off"):
        managing.switch(last.pk, True, by=worlds.ALICE)
