"""What an editor is told before a value is saved is what a sync then does with it."""

from __future__ import annotations

import itertools

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_edited_here import settled, sync
from tests.sync.test_push import account, allow, edit

from abmatic.sync.models import OrgFields
from abmatic.sync.objects import OBJECTS
from abmatic.sync.org_fields import known
from abmatic.sync.outlook import outlook

pytestmark = pytest.mark.django_db(transaction=True)

# Where updates are not allowed, what is told of them doesn't depend on much.
CASES = [
    *((*modes, True) for modes in itertools.product(["none", "fill", "overwrite"], repeat=2)),
    ("fill", "overwrite", False),
]


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


@pytest.mark.parametrize(("to_abmatic", "to_salesforce", "is_allowed"), CASES)
def test_foretold_and_done(live: Live, to_abmatic: str, to_salesforce: str, is_allowed: bool) -> None:
    allow("Account", update_in_salesforce=is_allowed)
    record = settled(live, "BillingCity", to_abmatic, to_salesforce)
    before = account(live, "GenePoint")["BillingCity"]
    assert before, "the record has a city in Salesforce"
    (told,) = outlook("account", record.pk, "city")
    edit(record, city="Nowhere")
    sync(live)
    record.refresh_from_db()
    theirs = account(live, "GenePoint")["BillingCity"]
    done = {
        ("Nowhere", before): "stays",
        (before, before): "returns",
        ("Nowhere", "Nowhere"): "pushed",
    }[record.city or "", theirs]
    assert told.course == done, told.text


def test_describe_is_kept_by_the_first_sync(live: Live) -> None:
    """So that picklists and lengths are known without anybody having looked at the mapping."""
    assert OrgFields.objects.filter(connection=live.connection).count() >= 5
    offer = known(live.connection, OBJECTS["Account"])
    assert offer is not None
    assert offer.fields["Name"].length == 255
    assert offer.fields["Name"].required
    assert "Energy" in offer.fields["Industry"].values
