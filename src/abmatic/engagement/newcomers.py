"""Whether a site makes people of forms and `identify()`: if it is set to, and so many on a day (UTC).

A site's id is public: whoever reads it in a page can send any address, and who is made may reach Salesforce. So the
switch is off unless somebody turned it on, and the limit ends a flood. Both are counted, for the Installation page.
Of companies by network a site makes as many on a day as of people, and no fewer people for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.utils import timezone

from abmatic.engagement.models import NewPeople
from abmatic.tracking.models import TrackingSite

OFF = "The person isn’t here, and the site makes no people of forms and identify(): its settings can say that it does"
OVER = "The person isn’t here, and the site had made as many people on that day as its settings allow"


def of_day(site_id: int, day: date) -> NewPeople:
    """What was counted of a site on a day."""
    return NewPeople.objects.filter(site_id=site_id, day=day).first() or NewPeople(site_id=site_id, day=day)


class Door:
    """Lets people in, or not, in the caller's transaction; what it counts for a site is locked until that ends."""

    def __init__(self, site_ids: Iterable[int]) -> None:
        day = timezone.now().date()
        self._sites = TrackingSite.objects.in_bulk(list(site_ids))
        NewPeople.objects.bulk_create(
            [NewPeople(site_id=site, day=day) for site in sorted(self._sites)], ignore_conflicts=True
        )
        counts = NewPeople.objects.select_for_update().filter(day=day, site_id__in=self._sites).order_by("site_id")
        self._counts = {each.site_id: each for each in counts}

    def is_open(self, site_id: int | None) -> bool:
        """Whether the site makes people and companies at all."""
        return site_id in self._sites and self._sites[site_id].makes_people

    def refusal(self, site_id: int | None) -> str:
        """Why a new person of a site isn't made; empty where they are. Counts either."""
        if site_id is None or site_id not in self._sites:
            return OFF
        site, count = self._sites[site_id], self._counts[site_id]
        if not site.makes_people:
            count.switched_off += 1
            return OFF
        if count.made >= site.new_people_a_day:
            count.over_limit += 1
            return OVER
        count.made += 1
        return ""

    def company_of(self, site_ids: Iterable[int]) -> int | None:
        """The site that a company is made for, of those where it was: the first that makes one more. Counts it."""
        for site_id in sorted(site_ids):
            if self.is_open(site_id) and self._counts[site_id].companies < self._sites[site_id].new_people_a_day:
                self._counts[site_id].companies += 1
                return site_id
        return None

    def take_back(self, site_id: int) -> None:
        """A company was not made after all."""
        self._counts[site_id].companies -= 1

    def write(self) -> None:
        """Keeps what was counted."""
        NewPeople.objects.bulk_update(self._counts.values(), ["made", "over_limit", "switched_off", "companies"])
