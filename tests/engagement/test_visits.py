"""The list of visits is a range of an index, whatever it is filtered by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.engagement.plans import reading
from tests.engagement.visits import at

from abmatic.engagement.models import Visitor, WebSession
from abmatic.engagement.visits import visits

pytestmark = pytest.mark.django_db


def session(visitor: Visitor, minutes: int, **values: Any) -> WebSession:
    moment = at(minutes)
    usual = {"pages": 1, "seconds": 60, "forms": 0, "clicks": 0, "channel": "direct"}
    return WebSession(
        visitor=visitor, site_id=1, began_at=moment, ended_at=moment + timedelta(minutes=5), stay_began_at=moment,
        stay_ended_at=moment, first_event=uuid4(), events=1, channel_version=1, **{**usual, **values},
    )  # fmt: skip


@pytest.mark.parametrize("asked", [{"channel": "email"}, {"who": "person"}, {"who": "company"}])
@pytest.mark.parametrize("is_below", [False, True])
def test_visits_far_down_are_found_without_the_others(asked: dict[str, Any], is_below: bool) -> None:
    visitor = Visitor.objects.create(key="v", first_seen_at=at(0), last_seen_at=at(0))
    known = [
        *(session(visitor, n, channel="email", contact_id=n, account_id=1) for n in range(100)),
        *(session(visitor, 100 + n, channel="social", contact_id=n) for n in range(100)),
        *(session(visitor, 200 + n, channel="social", account_id=n) for n in range(100)),
    ]
    WebSession.objects.bulk_create([*known, *(session(visitor, 1000 + n) for n in range(1000))])
    # From the top, and from where a page far down begins.
    after = (at(900), 1) if is_below else None
    with reading("web_session") as read:
        found = visits(**asked, after=after, most=5).found
    assert len(found) == 5
    assert read == [6]
