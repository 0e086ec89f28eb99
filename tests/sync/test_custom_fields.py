"""A custom field of the org mapped to one made here: read, written, undone and merged like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from django.db import connection as database
from psycopg import sql
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow

from abmatic.audiences import editing
from abmatic.audiences.custom_fields import create, values_of
from abmatic.audiences.fields import field
from abmatic.audiences.models import Account, Contact, CustomField
from abmatic.changes.models import Cause, Change
from abmatic.sync import org_fields, runs
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting, OrgFields, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.preview import preview
from salesforce_emulator.store.convert import ConvertOptions

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNT = OBJECTS["Account"]


@pytest.fixture(autouse=True)
def no_column_stays() -> Iterator[None]:
    """Tables are emptied after each test; columns would stay."""
    yield
    with database.cursor() as cursor:
        for made in CustomField.objects.all():
            cursor.execute(
                sql.SQL("ALTER TABLE {} DROP COLUMN {}").format(sql.Identifier(made.record), sql.Identifier(made.name))
            )


def add_field(live: Live, sobject: str, name: str, kind: str, **more: Any) -> None:
    change = {"action": "add_field", "object": sobject, "field": {"name": name, "kind": kind, **more}}
    httpx2.post(f"{live.org.url}/__emulator/schema", json=[change]).raise_for_status()


def map_field(sobject: str, sf_field: str, local: str, **modes: str) -> None:
    setting = ObjectSetting.objects.get(sobject=sobject)
    FieldMapping.objects.create(
        setting=setting, sf_field=sf_field, local_field=local, position=99,
        **{"to_abmatic": "overwrite", "to_salesforce": "fill", **modes},
    )  # fmt: skip


def sf_id(live: Live, name: str) -> str:
    ((found,),) = live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', name)
    return str(found)


def value(record: str, local_id: int) -> Any:
    [(_, found)] = values_of(record, local_id)
    return found


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    add_field(live, "Account", "Tier__c", "string", label="Partner tier", length=20)
    live.sync_well("Account")
    return live


def test_it_is_read_written_previewed_and_undone(live: Live) -> None:
    made = create("account", "Tier", "text")
    map_field("Account", "Tier__c", made.name, to_salesforce="overwrite")
    allow("Account")
    with live.editing() as session:
        session.update("Account", sf_id(live, "GenePoint"), {"Tier__c": "Gold"})
    live.org.store.set_clock(by=1)
    [sample] = preview(live.connection, "Account").samples["to_abmatic"]["updated"]
    assert sample.fields == {"custom_tier": {"before": None, "after": "Gold"}}
    live.sync_well("Account")
    here = Account.objects.get(name="GenePoint")
    assert value("account", here.pk) == "Gold"
    change = Change.objects.get(field="custom_tier")
    assert (change.record_id, change.before, change.after) == (here.pk, None, "Gold")

    other = Account.objects.get(name="Edge Communications")
    editing.save(
        "account", [editing.Edit({"custom_tier": "Silver"}, id=other.pk)],
        lambda: Cause.objects.create(kind=Cause.Kind.USER),
    )  # fmt: skip
    run = live.sync_well("Account")["Account"]
    assert live.rows('SELECT "Tier__c" FROM "Account" WHERE "Name" = ?', other.name) == [("Silver",)]
    undone = runs.undo(run)
    execute(undone.pk)
    undone.refresh_from_db()
    assert undone.state == Run.State.SUCCEEDED
    assert live.rows('SELECT "Tier__c" FROM "Account" WHERE "Name" = ?', other.name) == [(None,)]


def test_a_first_import_brings_numbers_dates_and_boxes(orgs: Orgs) -> None:
    live = orgs.sample()
    for name, kind, more in (("Score__c", "double", {"precision": 8, "scale": 2}), ("Day__c", "date", {}),
                             ("Vip__c", "boolean", {})):  # fmt: skip
        add_field(live, "Account", name, kind, **more)
    for label, kind, name in (("Score", "number", "Score__c"), ("Day", "date", "Day__c"), ("Vip", "boolean", "Vip__c")):
        map_field("Account", name, create("account", label, kind).name)
    with live.editing() as session:
        session.update("Account", sf_id(live, "GenePoint"), {"Score__c": 4.25, "Day__c": "2026-02-03", "Vip__c": True})
    live.org.store.set_clock(by=1)
    live.sync_well("Account")
    found = {f.name: v for f, v in values_of("account", Account.objects.get(name="GenePoint").pk)}
    assert [str(found[name]) for name in ("custom_score", "custom_day", "custom_vip")] == [
        "4.250000", "2026-02-03", "True",
    ]  # fmt: skip
    others = [v for f, v in values_of("account", Account.objects.get(name="Edge Communications").pk)]
    assert others == [None, None, False]


def test_two_people_who_become_one_keep_what_the_contact_says(live: Live) -> None:
    """A lead of one address is converted into a contact of another: two local people, of whom one goes."""
    made = create("contact", "Level", "text")
    for sobject in ("Contact", "Lead"):
        add_field(live, sobject, "Level__c", "string", length=20)
        map_field(sobject, "Level__c", made.name)
    live.sync_well("Contact", "Lead")
    with live.editing() as session:
        lead = session.insert(
            "Lead",
            {"LastName": "Twin", "Company": "GenePoint", "Email": "lead@twin.example", "Level__c": "of the lead"},
        )
        values = {"LastName": "Twin", "Email": "contact@twin.example", "Level__c": "of the contact"}
        contact = session.insert("Contact", {**values, "AccountId": sf_id(live, "GenePoint")})
    live.org.store.set_clock(by=1)
    live.sync_well("Contact", "Lead")
    assert Contact.objects.filter(last_name="Twin").count() == 2
    live.org.store.convert_lead(lead, ConvertOptions(account_id=sf_id(live, "GenePoint"), contact_id=contact))
    live.org.store.set_clock(by=1)
    live.sync_well("Contact", "Lead")
    live.sync_well("Contact", "Lead")
    left = Contact.objects.get(last_name="Twin")
    assert value("contact", left.pk) == "of the contact"


class TestOrgFields:
    def test_labels_types_and_what_can_be_searched(self, live: Live) -> None:
        OrgFields.objects.all().delete()  # what the import was told is kept, too
        assert org_fields.known(live.connection, ACCOUNT) is None
        before = live.org.counted_calls()
        offer = org_fields.offered(live.connection, ACCOUNT)
        assert org_fields.offered(live.connection, ACCOUNT).fields == offer.fields
        assert live.org.counted_calls() == before + 1, "asked once, and then known for a day"
        tier = offer.fields["Tier__c"]
        assert (tier.label, tier.type, tier.custom, tier.made_as.value) == ("Partner tier", "string", True, "text")
        assert "BillingAddress" not in offer.fields, "a compound field can't be mapped"
        found, many = offer.matching(" TIER", 5)
        assert ([f.name for f in found], many) == (["Tier__c"], 1)
        assert offer.matching("", 3)[1] == len(offer.fields)
        add_field(live, "Account", "Later__c", "string")
        assert "Later__c" in org_fields.offered(live.connection, ACCOUNT, again=True).fields

    def test_why_they_are_not_known(self, live: Live) -> None:
        OrgFields.objects.all().delete()
        Connection.objects.update(status=Connection.Status.INACTIVE)
        live.connection.refresh_from_db()
        with pytest.raises(org_fields.NotKnown, match="disabled: reconnect"):
            org_fields.offered(live.connection, ACCOUNT)
        assert not OrgFields.objects.exists()

    @pytest.mark.parametrize(
        ("sf_field", "local", "said"),
        [
            ("Industry", "industry", None), ("Gone__c", "city", "has no field Gone__c"),
            ("CreatedDate", "city", "Read-only"), ("Description", "employee_count", "can't be read"),
            ("IsDeleted", "city", "Read-only"),
        ],
    )  # fmt: skip
    def test_what_is_said_of_a_mapping(self, live: Live, sf_field: str, local: str, said: str | None) -> None:
        offer = org_fields.offered(live.connection, ACCOUNT)
        remarks = " ".join(org_fields.remarks(ACCOUNT, sf_field, field("account", local), offer, ""))
        assert (said is None and not remarks) or (said is not None and said in remarks), remarks

    def test_what_is_said_while_nothing_is_known(self) -> None:
        city = field("account", "city")
        assert org_fields.remarks(ACCOUNT, "X", city, None, "") == []
        assert org_fields.remarks(ACCOUNT, "X", city, None, "Gone") == ["Gone. The mapping is skipped."]
        assert "no such field any more" in org_fields.remarks(ACCOUNT, "X", None, None, "")[0]


@pytest.mark.parametrize(("new_people", "made"), [("account", (1, 1)), ("lead", (0, 2)), ("contact", (1, 0))])
def test_new_people_become_what_is_set(live: Live, new_people: str, made: tuple[int, int]) -> None:
    live.sync_well("Contact", "Lead")
    there = [live.number(f'SELECT count(*) FROM "{name}"') for name in ("Contact", "Lead")]
    allow("Contact")
    allow("Lead", new_people=new_people)
    company = Account.objects.get(name="GenePoint")
    edits = [
        editing.Edit({"last_name": "Within", "work_email": "w@gene.example", "account_id": company.pk}),
        editing.Edit({"last_name": "Without", "work_email": "w@nowhere.example", "company": "Nowhere"}),
    ]
    saved = editing.save("contact", edits, lambda: Cause.objects.create(kind=Cause.Kind.USER))
    assert [each.status for each in saved] == ["created", "created"]
    live.sync_well("Contact", "Lead")
    now = [live.number(f'SELECT count(*) FROM "{name}"') for name in ("Contact", "Lead")]
    if new_people == "lead":
        # The lead of somebody whose account is in Salesforce needs the account's name, which it gets.
        assert live.rows('SELECT "Company" FROM "Lead" WHERE "LastName" = ?', "Within") == [("GenePoint",)]
    assert tuple(n - t for n, t in zip(now, there, strict=True)) == made
