"""Deals that Salesforce has already: none is made beside them, however they came here; a person links them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow

from abmatic.audiences.models import Account, Opportunity
from abmatic.changes.models import Cause, Change
from abmatic.sync import issues, linking
from abmatic.sync.models import FieldMapping, Issue, MirrorAccount, MirrorOpportunity, Mode
from abmatic.sync.timeline import timeline

pytestmark = pytest.mark.django_db(transaction=True)
THEIRS = {"StageName": "Negotiation/Review", "CloseDate": "2027-03-31", "Amount": 700}


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    allow("Opportunity", create_in_abmatic=False)
    return live


def one_firm() -> tuple[Account, str]:
    account = Account.objects.order_by("pk").first()
    assert account is not None
    return account, MirrorAccount.objects.get(local_id=account.pk).sf_id


def made_there(live: Live, name: str, firm: str) -> str:
    with live.editing() as session:
        return str(session.insert("Opportunity", {**THEIRS, "Name": name, "AccountId": firm}))


def made_here(name: str, account: Account, cause: Callable[[], Cause]) -> Opportunity:
    deal = Opportunity.objects.create(name=name, stage="Prospecting", close_date="2027-01-31", account=account)
    Change.objects.create(record="opportunity", record_id=deal.pk, field="", cause=cause())
    return deal


def somebody() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER, note="A person")


def there(live: Live, name: str) -> int:
    return live.number('SELECT count(*) FROM "Opportunity" WHERE lower("Name") = ?', name.lower())


def test_a_deal_of_the_same_account_and_name_is_held_back_with_one_issue(live: Live) -> None:
    account, firm = one_firm()
    sf_id = made_there(live, "Twelve Turbines", firm)
    live.sync_well("Opportunity")
    assert MirrorOpportunity.objects.get(sf_id=sf_id).local_id is None
    deal = made_here(" twelve turbines", account, somebody)
    live.sync_well("Opportunity")
    assert there(live, "Twelve Turbines") == 1
    (issue,) = Issue.objects.filter(is_open=True)
    assert (issue.local_id, issue.field, issue.code) == (deal.pk, "Name", "ALREADY_IN_SALESFORCE")
    assert [(each.sf_id, each.values["StageName"]) for each in linking.namesakes(issue)] == [
        (sf_id, "Negotiation/Review")
    ]
    # To have it tried again does not make it another deal.
    issues.retry([issue.pk])
    live.sync_well("Opportunity")
    assert there(live, "Twelve Turbines") == 1
    assert Issue.objects.get(pk=issue.pk).is_open


def test_another_name_or_another_account_makes_it_another_deal(live: Live) -> None:
    account, firm = one_firm()
    made_there(live, "Twelve Turbines", firm)
    live.sync_well("Opportunity")
    deal = made_here("Twelve Turbines", account, somebody)
    other = Account.objects.filter(pk__in=MirrorAccount.objects.values("local_id")).exclude(pk=account.pk)[0]
    made_here("Twelve Turbines", other, somebody)
    live.sync_well("Opportunity")
    assert there(live, "Twelve Turbines") == 2
    Opportunity.objects.filter(pk=deal.pk).update(name="Twelve more turbines")
    Change.objects.create(
        record="opportunity", record_id=deal.pk, field="name", before="Twelve Turbines", after="Twelve more turbines",
        cause=somebody(),
    )  # fmt: skip
    live.sync_well("Opportunity")
    assert there(live, "Twelve more turbines") == 1
    assert not Issue.objects.filter(is_open=True).exists()


def test_linked_by_a_person_both_get_what_the_settings_say(live: Live) -> None:
    account, firm = one_firm()
    FieldMapping.objects.filter(setting__sobject="Opportunity", sf_field="StageName").update(
        to_abmatic=Mode.OVERWRITE, to_salesforce=Mode.NONE
    )
    sf_id = made_there(live, "Twelve Turbines", firm)
    live.sync_well("Opportunity")
    deal = made_here("Twelve Turbines", account, somebody)
    live.sync_well("Opportunity")
    # With the stage not written, a new deal would lack it as well.
    issue = Issue.objects.get(is_open=True, code="ALREADY_IN_SALESFORCE")
    linking.link(issue, sf_id, somebody)
    live.sync_well("Opportunity")
    deal.refresh_from_db()
    assert deal.stage == "Negotiation/Review"
    assert MirrorOpportunity.objects.get(sf_id=sf_id).local_id == deal.pk
    assert there(live, "Twelve Turbines") == 1
    assert not Issue.objects.filter(is_open=True).exists()
    entries = timeline("opportunity", deal, "links").entries
    assert [(each.title, str(each.cause)) for each in entries] == [
        (f"Linked with Opportunity {sf_id} by hand", str(somebody()))
    ]
    # It ends there.
    calls = live.sync_well("Opportunity")["Opportunity"]
    assert calls.pushed.get("updated", 0) == calls.pushed.get("created", 0) == 0


def test_what_is_not_offered_any_more_is_not_linked(live: Live) -> None:
    account, firm = one_firm()
    first, second = (made_there(live, "Twelve Turbines", firm) for _ in range(2))
    live.sync_well("Opportunity")
    made_here("Twelve Turbines", account, somebody)
    live.sync_well("Opportunity")
    issue = Issue.objects.get(is_open=True)
    assert {each.sf_id for each in linking.namesakes(issue)} == {first, second}
    with live.editing() as session:
        session.delete("Opportunity", first)
    live.sync_well("Opportunity")
    causes = Cause.objects.count()
    for wrong in (first, "", "0065800000000001AA"):
        with pytest.raises(linking.NotLinked, match="not to be had any more"):
            linking.link(issue, wrong, somebody)
    assert Cause.objects.count() == causes
    linking.link(issue, second, somebody)
    with pytest.raises(linking.NotLinked, match="settled already"):
        linking.link(issue, second, somebody)
    assert linking.namesakes(Issue.objects.get(pk=issue.pk)) == []


def test_a_deal_that_hangs_on_a_duplicate_of_the_account_is_one_of_it(live: Live) -> None:
    account, firm = one_firm()
    website = live.rows('SELECT "Website" FROM "Account" WHERE "Id" = ?', firm)[0][0]
    with live.editing() as session:
        duplicate = str(session.insert("Account", {"Name": "The same again", "Website": website}))
    live.sync_well("Account")
    assert MirrorAccount.objects.get(sf_id=duplicate).local_id == account.pk
    sf_id = made_there(live, "Twelve Turbines", duplicate)
    live.sync_well("Opportunity")
    made_here("Twelve Turbines", account, somebody)
    live.sync_well("Opportunity")
    assert there(live, "Twelve Turbines") == 1
    assert [each.sf_id for each in linking.namesakes(Issue.objects.get(is_open=True))] == [sf_id]


def test_when_the_namesake_is_gone_the_deal_is_made_by_itself(live: Live) -> None:
    account, firm = one_firm()
    sf_id = made_there(live, "Twelve Turbines", firm)
    live.sync_well("Opportunity")
    made_here("Twelve Turbines", account, somebody)
    live.sync_well("Opportunity")
    assert Issue.objects.filter(is_open=True).exists()
    with live.editing() as session:
        session.delete("Opportunity", sf_id)
    live.sync_well("Opportunity")
    assert not Issue.objects.filter(is_open=True).exists()
    assert (
        live.number('SELECT count(*) FROM "Opportunity" WHERE "Name" = ? AND NOT "IsDeleted"', "Twelve Turbines") == 1
    )
