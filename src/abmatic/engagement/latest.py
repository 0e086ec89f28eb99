"""When sites were visited last, as far as that is quickly told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Max

from abmatic.engagement.models import WebSession

# Visits that are looked at, of all sites: an index has the newest.
NEWEST = 1_000


def latest_visits(site_ids: Iterable[int]) -> dict[int, datetime]:
    """When the latest visit of each site began; of sites that have none of the newest visits nothing."""
    newest = WebSession.objects.order_by("-began_at", "-pk").values("pk")[:NEWEST]
    found = WebSession.objects.filter(pk__in=newest, site_id__in=list(site_ids))
    return dict(found.values_list("site_id").annotate(latest=Max("began_at")))
