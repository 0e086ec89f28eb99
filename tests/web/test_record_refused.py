"""What Salesforce refused is said at the head of the record's page and at its fields, and can be tried again there."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import LocalRecord
from abmatic.identity.models import User
from abmatic.sync.models import Connection, Issue, MirrorOpportunity

Queries = Callable[[int], AbstractContextManager[object]]
RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"

pytestmark = pytest.mark.django_db


def made(connection: Connection, account: LocalRecord, code: str = RULE, **values: Any) -> Issue:
    return Issue.objects.create(
        connection=connection, **{"sobject": "Account", "local_id": account.pk, "code": code, **values}
    )


def text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def row(page: str, name: str) -> str:
    found = re.search(rf'<tr id="field-{name}">.*?</tr>', page, re.DOTALL)
    assert found
    return found[0]


def test_what_why_and_what_helps_stand_at_the_head_and_at_the_field(admin: Client, connection: Connection) -> None:
    account = org.account("Acme", industry="Banking")
    run = org.run(connection)
    issue = made(connection, account, message="<b>No banks</b> on a Wednesday.", fields=["Industry"], run=run)
    page = admin.get(f"/accounts/{account.pk}/").text
    said = text(page)
    for words in (
        "Salesforce refused this record: A validation rule says no", "( Industry )", "No banks", "What to do:",
        "Change the value here so that it keeps the rule", f"run {run.pk}",
    ):  # fmt: skip
        assert words in said, words
    assert "&lt;b&gt;No banks" in page
    flag = row(page, "industry")
    assert f'<a href="#issue-{issue.pk}">' in flag
    assert "Refused by Salesforce: A validation rule says no" in text(flag)
    assert "Refused by Salesforce" not in row(page, "city")
    # On the other tabs as well.
    assert "A validation rule says no" in admin.get(f"/accounts/{account.pk}/timeline/").text
    assert "A validation rule says no" in admin.get(f"/accounts/{account.pk}/contacts/").text


def test_its_link_opens_the_issue_of_this_record_alone(admin: Client, connection: Connection) -> None:
    account, other = org.account("Acme"), org.account("Other")
    made(connection, account, message="Mine")
    made(connection, other, message="Theirs")
    page = admin.get(f"/accounts/{account.pk}/").text
    address = re.search(r'<a href="([^"]*)">Open the issue</a>', page)
    assert address
    issues = admin.get(html.unescape(address[1])).text
    assert "Mine" in issues
    assert "Theirs" not in issues


def test_what_was_never_sent_says_that_it_was_held_back(admin: Client, connection: Connection) -> None:
    account = org.account("Acme", industry="X" * 300)
    made(connection, account, "STRING_TOO_LONG", field="Industry", fields=["Industry"])
    page = admin.get(f"/accounts/{account.pk}/").text
    assert "Not written to Salesforce: The text is too long" in text(page)
    assert "Not written to Salesforce: The text is too long" in text(row(page, "industry"))


def test_a_record_that_waits_for_its_account_says_so(admin: Client, connection: Connection) -> None:
    contact = org.contact("Smith")
    made(connection, contact, "ACCOUNT_FILTERED", sobject="Contact")
    made(connection, contact, "UNREAD_ELSEWHERE", sobject="Lead")
    said = text(admin.get(f"/contacts/{contact.pk}/").text)
    assert "Its account is left out by the push filter" in said
    assert "came to Salesforce as something else" in said


def test_settled_ones_and_those_of_others_are_not_shown(admin: Client, connection: Connection) -> None:
    account = org.account("Acme")
    made(connection, account, is_open=False)
    made(connection, account, sobject="Contact")
    assert "record-refused" not in admin.get(f"/accounts/{account.pk}/").text


def test_operators_have_it_tried_again_and_come_back(oscar: User, signed_in: SignedIn, connection: Connection) -> None:
    account = org.account("Acme")
    issue = made(connection, account)
    browser = signed_in(oscar)
    page = browser.get(f"/accounts/{account.pk}/").text
    form = re.search(r'<form method="post" action="([^"]*/issues/retry/)">(.*?)</form>', page, re.DOTALL)
    assert form
    sent = dict(re.findall(r'name="(issue|record|id)" value="([^"]*)"', form[2]))
    answer = browser.post(form[1], sent)
    assert answer.headers["Location"] == f"/accounts/{account.pk}/"
    issue.refresh_from_db()
    assert issue.retry_at is not None
    again = browser.get(f"/accounts/{account.pk}/").text
    assert "To be tried again with the next sync" in text(again)
    assert "issues/retry" not in again


def test_nobody_is_sent_elsewhere(admin: Client, connection: Connection) -> None:
    issue = made(connection, org.account("Acme"))
    address = f"/settings/integrations/salesforce/{connection.pk}/issues/"
    for record, pk in (("//evil.example", "1"), ("account", "x"), ("owner", "1")):
        answer = admin.post(f"{address}retry/", {"issue": issue.pk, "record": record, "id": pk})
        assert answer.headers["Location"] == address


def test_viewers_read_it_and_have_no_button(vera: User, signed_in: SignedIn, connection: Connection) -> None:
    account = org.account("Acme")
    made(connection, account)
    page = signed_in(vera).get(f"/accounts/{account.pk}/").text
    assert "A validation rule says no" in page
    assert "Try again" not in page


@pytest.mark.parametrize("many", [1, 8])
def test_many_cost_no_more_queries(
    admin: Client, connection: Connection, django_assert_max_num_queries: Queries, many: int
) -> None:
    account = org.account("Acme")
    for number in range(many):
        made(connection, account, "STRING_TOO_LONG", field=f"F{number}__c", fields=[f"F{number}__c"])
    with django_assert_max_num_queries(18):
        assert admin.get(f"/accounts/{account.pk}/").status_code == 200


def test_a_deal_that_salesforce_has_is_linked_on_its_page(
    oscar: User, signed_in: SignedIn, connection: Connection
) -> None:
    account = org.account("Acme")
    org.link(connection, account, "0015800000000001AAA")
    deal = org.opportunity(account, name="Twelve turbines")
    MirrorOpportunity.objects.create(
        connection=connection, sf_id="0065800000000001AA", modstamp=timezone.now(),
        account_sf_id="0015800000000001AAA", values={"Name": "Twelve <turbines>", "StageName": "Proposal"},
    )  # fmt: skip
    issue = made(connection, deal, "ALREADY_IN_SALESFORCE", sobject="Opportunity", field="Name", fields=["Name"])
    browser = signed_in(oscar)
    address = f"/opportunities/{deal.pk}/"
    assert "link them" not in browser.get(address).text
    MirrorOpportunity.objects.update(values={"Name": "twelve turbines ", "StageName": "<b>Proposal</b>"})
    page = browser.get(address).text
    assert "Salesforce has an opportunity of this name already" in text(page)
    assert "&lt;b&gt;Proposal" in page
    assert "It is this one: link them" in page
    answer = browser.post(f"{address}link/", {"issue": issue.pk, "salesforce_id": "0065800000000002AA"}, follow=True)
    assert "not to be had any more" in text(answer.text)
    assert browser.post(f"{address}link/", {"issue": "x"}, follow=True).status_code == 200
    answer = browser.post(f"{address}link/", {"issue": issue.pk, "salesforce_id": "0065800000000001AA"}, follow=True)
    assert "Linked. The next sync" in text(answer.text)
    assert MirrorOpportunity.objects.get().local_id == deal.pk
