"""The first import, over the wire, held against what the org's own database says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from tests.sync.live import Live, Orgs, counts_of, state

from abmatic.audiences.models import Account, Collection, Contact, Opportunity
from abmatic.changes.models import Change
from abmatic.sync.models import MirrorLead, ObjectSetting, Run

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = 3_000
OBJECTS = (
    "User", "Account", "Contact", "Lead", "Campaign", "CampaignMemberStatus", "CampaignMember", "Opportunity",
    "OpportunityContactRole",
)  # fmt: skip


def ours(statement: str) -> set[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(statement)
        return set(cursor.fetchall())


def assert_numbers(live: Live, done: dict[str, Run]) -> None:
    """What was read, and what hangs on what."""
    for sobject in OBJECTS:
        assert done[sobject].counts["read"] == live.number(f'SELECT count(*) FROM "{sobject}"'), sobject
    assert set(
        live.rows(
            'SELECT c."Id", c."AccountId" FROM "Contact" AS c JOIN "Account" AS a ON a."Id" = c."AccountId" '
            'WHERE c."IsDeleted" = 0 AND a."IsDeleted" = 0'
        )
    ) == ours(
        # A duplicate contact's account is the one of its primary: only what was written is compared.
        "SELECT c.sf_id, a.sf_id FROM mirror_contact AS c JOIN mirror_account AS a ON a.sf_id = c.account_sf_id "
        "JOIN contact AS l ON l.id = c.local_id WHERE NOT c.is_deleted AND a.local_id IS NOT NULL "
        "AND (c.role = 2 OR l.account_id = a.local_id) AND NOT a.is_deleted"
    )
    assert set(
        live.rows(
            'SELECT o."Id", o."AccountId" FROM "Opportunity" AS o JOIN "Account" AS a ON a."Id" = o."AccountId" '
            'WHERE o."IsDeleted" = 0 AND a."IsDeleted" = 0'
        )
    ) == ours(
        "SELECT o.sf_id, o.account_sf_id FROM mirror_opportunity AS o JOIN opportunity AS l ON l.id = o.local_id "
        "JOIN mirror_account AS a ON a.sf_id = o.account_sf_id AND NOT a.is_deleted "
        "WHERE l.account_id = a.local_id AND NOT o.is_deleted"
    )
    assert Opportunity.objects.count() == live.number('SELECT count(*) FROM "Opportunity" WHERE "IsDeleted" = 0')


def test_a_generated_org_by_bulk(orgs: Orgs) -> None:
    orgs.page_records(700)
    orgs.allow(rest_limit=500)
    live = orgs.generated(ACCOUNTS)
    done = live.sync_well()
    assert done["Account"].reader == done["Contact"].reader == "Bulk API 2.0"
    assert done["User"].reader == "REST"
    assert_numbers(live, done)

    # What the generator knows of its own websites.
    stored = live.org.store.setting("generated")
    assert stored is not None
    manifest = json.loads(stored)
    counts = done["Account"].counts
    keyless = (
        manifest["no_website"] + manifest["shared_hosts"] + manifest["placeholders"] + manifest["ip_addresses"]
        + manifest["single_labels"]
    )  # fmt: skip
    assert counts["created"] == Account.objects.count() == manifest["distinct_domains"] + keyless
    assert counts["duplicate"] == manifest["duplicate_domains"]
    assert counts["skipped"] == manifest["accounts_deleted"] + manifest["accounts_merged"]
    assert counts["reasons"]["no_website"] == manifest["no_website"]
    assert Account.objects.exclude(domain=None).count() == manifest["distinct_domains"]

    # People: one for each address that is one, one for each contact or lead without.
    addressed = live.rows(
        'SELECT "Id", lower(trim("Email")), "LastName" FROM "Contact" WHERE "IsDeleted" = 0 AND "Email" LIKE \'%@%.%\''
    )
    assert (
        len({email for _, email, _ in addressed})
        == ours(
            "SELECT count(DISTINCT l.email_key) FROM mirror_contact AS m JOIN contact AS l ON l.id = m.local_id "
            "WHERE NOT m.is_deleted AND m.key IS NOT NULL"
        ).pop()[0]
    )
    converted = live.rows(
        'SELECT "Id", "ConvertedContactId", "ConvertedAccountId" FROM "Lead" '
        'WHERE "IsConverted" = 1 AND "IsDeleted" = 0'
    )
    assert converted
    assert {(lead, to) for lead, to, _ in converted} == ours(
        "SELECT l.sf_id, c.sf_id FROM mirror_lead AS l JOIN mirror_contact AS c ON c.sf_id = l.converted_contact_id "
        "AND c.local_id = l.local_id WHERE l.is_converted AND NOT l.is_deleted"
    )
    assert Contact.objects.filter(kind="contact", pk__in=MirrorLead.objects.values("local_id")).count() > 0
    roles = live.number(
        'SELECT count(*) FROM (SELECT DISTINCT r."OpportunityId", coalesce(lower(c."Email"), c."Id"), r."Role" '
        'FROM "OpportunityContactRole" AS r JOIN "Contact" AS c ON c."Id" = r."ContactId" '
        'WHERE r."IsDeleted" = 0 AND c."IsDeleted" = 0)'
    )
    assert len(ours("SELECT * FROM opportunity_contact")) == roles
    sizes = dict(Collection.objects.values_list("record", "size"))
    assert sizes["account"] == Account.objects.count()
    assert sizes["contact"] == Contact.objects.count()

    # For whom a lead works.
    companies = live.rows(
        'SELECT "Id", trim("Company") FROM "Lead" WHERE "IsDeleted" = 0 AND "IsConverted" = 0 AND "Email" IS NULL'
    )
    assert companies
    assert set(companies) <= ours(
        "SELECT m.sf_id, l.company FROM mirror_lead AS m JOIN contact AS l ON l.id = m.local_id"
    )

    # Again, everything: nothing changes, and the run says so.
    before, changes = state(), Change.objects.count()
    for run in live.sync_well(full=True).values():
        assert (run.counts["unchanged"], run.counts["reasons"]) == (run.counts["read"], {}), run.sobject
        assert run.outcome.endswith("read, all as they are here: nothing was changed here.")
    after = state()
    assert {name: [row for row in rows if row not in before[name]] for name, rows in after.items()} == {
        name: [] for name in before
    }
    assert (after, Change.objects.count()) == (before, changes)


def test_the_sample_org_by_rest(orgs: Orgs) -> None:
    live = orgs.sample()
    done = live.sync_well()
    assert {run.reader for run in done.values()} == {"REST"}
    assert_numbers(live, done)
    # By heart: twelve accounts, of which three are United Oil & Gas at one website.
    assert counts_of(done, "read", "created", "duplicate")["Account"] == (12, 10, 2)
    assert Account.objects.get(domain="uos.com").name == "United Oil & Gas Corp."
    for run in done.values():
        assert run.is_over
        assert (run.processed, run.phase) == (run.counts["read"], Run.Phase.DONE)


def test_a_second_import_costs_one_call_an_object_and_says_that_there_was_nothing(orgs: Orgs) -> None:
    live = orgs.sample()
    live.sync_well()
    # The window goes back five minutes: only an org that was quiet for that long has nothing to read.

    for setting in ObjectSetting.objects.all():
        setting.cursor += timedelta(minutes=10)
        setting.riders = {name: (setting.cursor).isoformat() for name in setting.riders}
        setting.save()
    before, used = state(), live.org.counted_calls()
    again = live.sync_well()
    assert live.org.counted_calls() - used == len(again)
    assert {run.api_calls for run in again.values()} == {1}
    for run in again.values():
        assert run.counts["read"] == 0
        assert run.outcome.startswith("Nothing has changed in Salesforce since the last sync")
    assert state() == before
