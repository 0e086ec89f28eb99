"""Two people who become one by a conversion: the visits of either are the one's, then and from then on."""

from __future__ import annotations

import pytest
from tests.engagement.test_identifying import come, sent
from tests.engagement.visits import did
from tests.sync.org import Org, contact, lead, new_connection

from abmatic.audiences.models import Contact
from abmatic.engagement.identifying import identify
from abmatic.engagement.models import Visitor, VisitorSign, WebSession

pytestmark = pytest.mark.django_db(transaction=True)


def test_visits_of_a_lead_are_the_contacts_it_was_converted_into() -> None:
    org = Org(new_connection())
    org.pull("Lead", [org.record(Id=lead(1), LastName="Old", Email="old@x.com", IsConverted=False)])
    org.pull("Contact", [org.record(Id=contact(1), LastName="New", Email="new@x.com")])
    old, new = (Contact.objects.get(email_key=f"{name}@x.com").pk for name in ("old", "new"))
    come(did(0), sent(1, "old@x.com"), sent(1, "new@x.com", "bob"))
    assert set(WebSession.objects.values_list("visitor__key", "contact_id")) == {("ann", old), ("bob", new)}
    org.pull("Lead", [org.record(
        Id=lead(1), LastName="Old", Email="old@x.com", IsConverted=True, ConvertedContactId=contact(1)
    )])  # fmt: skip
    left = Contact.objects.get().pk
    for model in (Visitor, VisitorSign, WebSession):
        assert set(model.objects.values_list("contact_id", flat=True)) == {left}, model
    assert Visitor.objects.filter(is_due=True).count() == 1
    identify()
    come(did(200), did(200, visitor="bob"))
    assert list(WebSession.objects.values_list("contact_id", flat=True)) == [left] * 4
