"""Erasing a person: nothing of their browsers is left, and everybody else is as before."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from django.db import connection
from tests.engagement.test_identifying import come, followed, sent
from tests.engagement.visits import did, site_that_makes_people

from abmatic.attribution.models import Touch
from abmatic.attribution.refreshing import refresh
from abmatic.audiences.models import Contact
from abmatic.cli import domain_forget
from abmatic.engagement.forgetting import Forgotten, forget
from abmatic.engagement.models import Visitor, VisitorSign, WebForm, WebSession
from abmatic.tracking import store

pytestmark = pytest.mark.django_db(transaction=True)


def left() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM web_event")
        (events,) = cursor.fetchone()
    return [events, *(model.objects.count() for model in (Visitor, WebSession, WebForm, VisitorSign))]


@pytest.fixture
def ann(transactional_db: None) -> Contact:
    """Known by a form on two browsers and a link that she forwarded to Bob; one event is not read yet."""
    site_that_makes_people()
    come(did(0), sent(100, "ann@acme.com"), sent(0, "Ann@Acme.com", "phone"), sent(0, "bob@acme.com", "bob"))
    ann = Contact.objects.get(email_key="ann@acme.com")
    come(followed(200, ann.pk, "bob"))
    store.append([did(300)])
    refresh()
    return ann


def test_nothing_is_left_of_a_person(ann: Contact) -> None:
    before, touches = left(), Touch.objects.filter(contact_id=ann.pk).count()
    assert touches > 0
    told = forget(" ANN@acme.com ", only_count=True)
    assert told == Forgotten(events=4, visitors=2, sessions=3, forms=2, signs=3)
    assert left() == before
    assert forget(" ANN@acme.com ") == told
    assert left() == [2, 1, 2, 1, 1]
    assert set(Visitor.objects.values_list("key", flat=True)) == {"bob"}
    assert Contact.objects.filter(pk=ann.pk).exists()
    come()
    refresh()
    assert left() == [2, 1, 2, 1, 1]
    assert not Touch.objects.filter(contact_id=ann.pk).exists()
    assert forget("ann@acme.com") == Forgotten(0, 0, 0, 0, 0)


def test_the_command_asks_first(ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    monkeypatch.setattr(domain_forget, "ready", nullcontext)
    before = left()
    said = CliRunner().invoke(domain_forget.forget_person, ["ann@acme.com"], input="n\n")
    assert "4 web events, 2 browsers, 3 visits, 2 forms, 3 signs" in said.output
    assert (said.exit_code, left()) == (1, before)
    said = CliRunner().invoke(domain_forget.forget_person, ["ann@acme.com", "--yes"])
    assert (said.exit_code, left()[1]) == (0, 1), said.output
    assert "0 web events" in CliRunner().invoke(domain_forget.forget_person, ["ann@acme.com"]).output
