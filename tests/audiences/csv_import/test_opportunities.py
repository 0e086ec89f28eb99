"""Opportunities from a file: told apart by account and name, or by their Salesforce Id, and by nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone
from tests.audiences.csv_import.files import checked, chosen, given, imported, reasons, written
from tests.web import org

from abmatic.audiences import custom_fields
from abmatic.audiences.csv_import.refusals import MappingRefused
from abmatic.audiences.models import Account, Opportunity
from abmatic.sync.models import MirrorOpportunity

pytestmark = pytest.mark.django_db(transaction=True)

SF_ID = "0065800000AbCdEAAV"
HEAD = ["Opportunity", "Account Name", "Stage", "Amount", "Close Date"]
COLUMNS = ["name", "account_by_name", "stage", "amount", "close_date"]


def deals(*rows: list[str]) -> bytes:
    return written([HEAD, *rows])


def row(name: str = "Renewal", account: str = "Acme", **changed: str) -> list[str]:
    said = {"stage": "Proposal", "amount": "1,000.50", "close_date": "2026-12-31", **changed}
    return [name, account, said["stage"], said["amount"], said["close_date"]]


@pytest.fixture
def acme() -> Account:
    return Account.objects.create(name="Acme", website="acme.com", domain="acme.com")


@pytest.mark.parametrize("by", ["account_by_name", "account_by_domain", "crm_id"])
def test_what_the_deal_has_already_is_not_judged(acme: Account, by: str) -> None:
    page = custom_fields.create("opportunity", "Page", "url").name
    deal = Opportunity.objects.create(name="Renewal", account=acme, stage="Old")
    Opportunity.objects.create(name="Renewal", stage="Nobody's")
    MirrorOpportunity.objects.create(
        connection=org.connect(), sf_id=SF_ID, modstamp=timezone.now(), local_id=deal.pk, role=1
    )
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE opportunity SET {page} = 'ask Bob' WHERE id = %s", [deal.pk])
    said = {"account_by_name": "acme", "account_by_domain": "www.acme.com", "crm_id": SF_ID}[by]
    head = ["Who", "Deal", "Stage", "Closes", "Page"]
    content = written([
        head,
        [said, "Renewal", "Won", "2026-12-31", "ask Bob"],
        ["0065800000ZZZZZ" if by == "crm_id" else said, "Other", "Won", "2026-12-31", "ask Bob"],
    ])  # fmt: skip
    file = imported("opportunity", content, [by, "name", "stage", "close_date", page], duplicates="overwrite")
    assert list(reasons(file)) == [3]
    assert "Page: “ask Bob” is no web address" in reasons(file)[3]
    deal.refresh_from_db()
    assert (deal.stage, file.counts["updated"], file.counts["created"]) == ("Won", 1, 0)


def test_deals_are_made_with_their_account(acme: Account) -> None:
    file = imported("opportunity", deals(row(), row("Expansion")))
    assert file.columns == COLUMNS, "guessed"
    first, second = Opportunity.objects.order_by("name")
    assert (first.name, first.account, first.stage) == ("Expansion", acme, "Proposal")
    assert (second.amount, second.close_date, second.created_by) == (
        Decimal("1000.5"), date(2026, 12, 31), file.cause,
    )  # fmt: skip
    assert (file.counts["created"], file.counts["linked"]) == (2, 2)
    again = imported("opportunity", deals(row(), row("Expansion")))
    assert (again.counts["created"], again.counts["unchanged"], Opportunity.objects.count()) == (0, 2, 2)


@pytest.mark.parametrize(
    ("duplicates", "stage", "amount"), [("skip", "Old", None), ("fill", "Old", 1000.5), ("overwrite", "Won", 1000.5)]
)
def test_a_deal_that_is_here(acme: Account, duplicates: str, stage: str, amount: float | None) -> None:
    there = Opportunity.objects.create(name=" RENEWAL", account=acme, stage="Old")
    Opportunity.objects.create(name="Renewal", account=Account.objects.create(name="Other"), stage="Other")
    Opportunity.objects.create(name="Renewal", stage="Nobody's")
    looked = checked("opportunity", deals(row(stage="Won")), duplicates=duplicates)
    imported("opportunity", deals(row(stage="Won")), duplicates=duplicates)
    there.refresh_from_db()
    assert (there.stage, float(there.amount) if there.amount is not None else None) == (stage, amount)
    assert Opportunity.objects.count() == 3
    assert looked.found is not None
    assert looked.found["created"] == 0


def test_what_a_new_deal_lacks_rejects_its_row(acme: Account) -> None:
    Opportunity.objects.create(name="Here", account=acme, stage="Old")
    file = imported("opportunity", deals(row(""), row(stage="", close_date=""), row("Here", stage="", close_date="")))
    assert reasons(file) == {
        2: "Name: empty, and a new opportunity needs it",
        3: "Stage, Close date: empty, and a new opportunity needs it",
    }
    assert file.counts["updated"] == 1, "one that is here needs nothing"


def test_rows_that_are_one_deal_and_deals_that_have_one_name(acme: Account) -> None:
    twice = [Opportunity.objects.create(name="Twice", account=acme).pk for _ in range(2)]
    file = imported("opportunity", deals(row(), row(" renewal "), row("Twice")))
    assert reasons(file) == {
        3: "Line 2 has the same account and name, and came first",
        4: f"Several opportunities of this account have the name “Twice” (numbers {twice[0]}, {twice[1]}). "
        "Say which by its Salesforce Id",
    }
    assert (file.counts["created"], file.counts["rejected"], file.counts["repeated"]) == (1, 1, 1)


@pytest.mark.parametrize("keyless", [False, True])
def test_without_an_account_it_cannot_be_told_apart(acme: Account, keyless: bool) -> None:
    file = imported("opportunity", deals(row(account=""), row(account="Unknown")), takes_keyless=keyless)
    assert Opportunity.objects.count() == (2 if keyless else 0)
    assert file.found is not None
    assert file.found["accounts"]["missing"] == 1
    if not keyless:
        assert all("can't check whether this opportunity" in reason for reason in reasons(file).values())
        assert file.counts["rejected"] == 2
    else:
        assert file.counts["unlinked"] == 1


def test_accounts_are_made_and_rows_of_a_new_account_repeat_each_other() -> None:
    file = imported("opportunity", deals(row(), row(), row("Other")), missing_account="create")
    assert [each.name for each in Account.objects.all()] == ["Acme"]
    assert Opportunity.objects.filter(account__name="Acme").count() == 2
    assert reasons(file) == {3: "Line 2 has the same account and name, and came first"}


def test_by_salesforce_id_and_never_by_anything_else_then(acme: Account) -> None:
    connection = org.connect()
    deal = org.opportunity(org.account("Elsewhere"), name="Old", stage="Old")
    MirrorOpportunity.objects.create(
        connection=connection, sf_id=SF_ID, modstamp=timezone.now(), local_id=deal.pk, role=1
    )
    content = written([
        ["Id", *HEAD],
        ["0065800000AbCdE", *row("Better", "Acme")],
        ["0065800000ZZZZZ", *row()],
        ["12", *row("X")],
    ])  # fmt: skip
    file = imported("opportunity", content, ["crm_id", *COLUMNS], duplicates="overwrite")
    deal.refresh_from_db()
    assert (deal.name, deal.stage) == ("Better", "Proposal")
    assert reasons(file) == {
        3: "Salesforce Id: no opportunity here has “0065800000ZZZZZ”. Import it from the CRM first, or leave the Id "
        "empty to make a new one",
        4: "Salesforce Id: “12” is none",
    }
    assert Opportunity.objects.count() == 1


@pytest.mark.parametrize("duplicates", ["skip", "fill", "overwrite"])
def test_no_account_is_made_for_a_deal_that_keeps_its_own(duplicates: str) -> None:
    connection = org.connect()
    deal = org.opportunity(org.account("Acme"), name="Old", stage="Old")
    MirrorOpportunity.objects.create(
        connection=connection, sf_id=SF_ID, modstamp=timezone.now(), local_id=deal.pk, role=1,
        account_sf_id="0015800000000001AAA",
    )  # fmt: skip
    content = written([
        ["Id", *HEAD],
        ["0065800000AbCdE", *row("Old", "Acme Inc")],
        ["0065800000ZZZZZ", *row("Unknown", "Unknown Inc")],
    ])  # fmt: skip
    how = {"missing_account": "create", "duplicates": duplicates}
    looked = checked("opportunity", content, ["crm_id", *COLUMNS], **how)
    file = imported("opportunity", content, ["crm_id", *COLUMNS], **how)
    assert [each.name for each in Account.objects.all()] == ["Acme"]
    assert looked.found is not None
    assert (file.counts["accounts_made"], looked.found["accounts"]["accounts_made"]) == (0, 0)


@pytest.mark.parametrize(
    ("columns", "keyless", "said"),
    [
        (["name", "account_by_name", "stage", None, None], False, "No column goes to Close date"),
        (["name", None, "stage", "amount", "close_date"], False, "No column goes to the account"),
        ([None, "account_by_name", None, "amount", None], True, "Name and Stage and Close date"),
    ],
)
def test_what_every_deal_needs(columns: list[str | None], keyless: bool, said: str) -> None:
    with pytest.raises(MappingRefused, match=said):
        chosen(given("opportunity", deals(row())), columns, takes_keyless=keyless)
