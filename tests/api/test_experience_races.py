"""A program that acts on an experience while somebody else removes it is answered as where it was gone before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.api.conftest import Program, fault
from tests.api.test_experiences import body
from tests.engagement.test_identifying import in_thread, wait_for_lock_or
from tests.personalisation.worlds import experience, forget

from abmatic.postgres import sessions
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("verb", ["DELETE", "PUT"])
def test_it_is_not_found(operator: Program, verb: str) -> None:
    forget()
    site = TrackingSite.objects.create(name="Acme", origins=["https://www.acme.com"])
    made = experience(site)
    address = f"/campaigns/{made.campaign_id}/experiences/{made.pk}"
    told = body(site) if verb == "PUT" else None
    with sessions.session("other") as other, ThreadPoolExecutor(1) as one:
        other.execute("UPDATE experience SET removed_at = now(), is_on = false WHERE id = %s", [made.pk])
        answer = one.submit(in_thread, lambda: operator.ask(verb, address, told))
        wait_for_lock_or(answer)
        other.commit()
        assert fault(answer.result(), 404)["code"] == "not_found"
