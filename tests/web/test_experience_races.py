"""Who acts on an experience while somebody else removes it is answered as where it was gone before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from tests.engagement.test_identifying import in_thread, wait_for_lock_or
from tests.personalisation.worlds import experience, forget
from tests.web.conftest import SignedIn
from tests.web.test_experiences import base, typed

from abmatic.identity.models import AuditEntry, User
from abmatic.personalisation.models import Experience
from abmatic.postgres import sessions
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made() -> Experience:
    forget()
    return experience(TrackingSite.objects.create(name="Acme site", origins=["https://*.acme.com"]))


@pytest.fixture
def operator(signed_in: SignedIn, oscar: User) -> Client:
    return signed_in(oscar)


def while_it_is_removed(made: Experience, act: Callable[[], Any]) -> Any:
    """What is answered to who acts while another connection removes it."""
    with sessions.session("other") as other, ThreadPoolExecutor(1) as one:
        other.execute("UPDATE experience SET removed_at = now(), is_on = false WHERE id = %s", [made.pk])
        answer = one.submit(in_thread, act)
        wait_for_lock_or(answer)
        other.commit()
        return answer.result()


def test_the_second_of_two_who_remove_it_is_told_that_it_was_removed(operator: Client, made: Experience) -> None:
    answer = while_it_is_removed(made, lambda: operator.post(f"{base(made.campaign)}{made.pk}/remove/"))
    assert (answer.status_code, answer.url) == (302, base(made.campaign))
    assert [str(each) for each in get_messages(answer.wsgi_request)] == ["That was removed already."]
    assert not AuditEntry.objects.filter(act="experience removed").exists()


@pytest.mark.parametrize("act", ["switch", "edit"])
def test_who_changes_it_finds_nothing(operator: Client, made: Experience, act: str) -> None:
    typed_in = typed(made.site, seen=made.updated_at.isoformat()) | {"to": "off"}
    answer = while_it_is_removed(made, lambda: operator.post(f"{base(made.campaign)}{made.pk}/{act}/", typed_in))
    assert answer.status_code == 404
