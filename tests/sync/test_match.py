"""Whose record is this? SYNC.md section 3, sentence by sentence."""

from __future__ import annotations

import pytest
from tests.sync.org import Org, account, contact, lead, new_connection, opportunity, role

from abmatic.audiences.models import Account, Collection, Contact, Opportunity, OpportunityContact
from abmatic.changes.models import Change
from abmatic.sync.models import Finding, MirrorAccount, MirrorContact, MirrorLead, Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def org() -> Org:
    return Org(new_connection())


def findings(org: Org, reason: str) -> list[tuple[str, str | None]]:
    assert org.last_run is not None
    return list(Finding.objects.filter(run=org.last_run, reason=reason).order_by("sf_id").values_list("sf_id", "value"))


def test_a_new_record_is_created_with_its_key_and_linked(org: Org) -> None:
    counts = org.pull("Account", [org.record(Id=account(1), Name="Acme", Website="https://www.Acme.com/x")])
    assert counts.created == 1
    local = Account.objects.get()
    assert (local.name, local.website, local.domain) == ("Acme", "https://www.Acme.com/x", "acme.com")
    mirror = MirrorAccount.objects.get()
    assert (mirror.local_id, mirror.role, mirror.base) == (local.pk, Role.PRIMARY, None)
    assert list(Collection.objects.get().members.values_list("record_id", flat=True)) == [local.pk]
    assert Collection.objects.get().size == 1


def test_pulling_the_same_again_changes_nothing(org: Org) -> None:
    records = [
        org.record(Id=account(1), Name="Acme", Website="acme.com", NumberOfEmployees=10, AnnualRevenue="1.50"),
        org.record(Id=account(2), Name="No site"),
        org.record(Id=account(3), Name="Acme again", Website="www.acme.com"),
        org.record(Id=account(4), Name="Bad", NumberOfEmployees="many"),
        org.record(Id=account(5), Name="Gone", IsDeleted=True),
    ]
    first = org.pull("Account", records)
    assert (first.created, first.duplicate, first.skipped) == (3, 1, 1)
    before = list(MirrorAccount.objects.order_by("sf_id").values())
    again = org.pull("Account", records)
    assert (again.created, again.updated, again.duplicate, again.deleted) == (0, 0, 0, 0)
    assert again.reasons == {}
    assert list(MirrorAccount.objects.order_by("sf_id").values()) == before
    assert Change.objects.count() == 0


def test_an_existing_account_is_recognised_by_its_domain(org: Org) -> None:
    mine = Account.objects.create(name="From a visit", website="http://acme.com", domain="acme.com")
    counts = org.pull("Account", [org.record(Id=account(1), Name="Acme Inc.", Website="shop.acme.com")])
    assert (counts.created, counts.linked, counts.updated) == (0, 1, 0)
    mine.refresh_from_db()
    assert (mine.name, mine.website, mine.domain) == ("Acme Inc.", "shop.acme.com", "acme.com")
    assert {c.field: (c.before, c.after) for c in Change.objects.all()} == {
        "name": ("From a visit", "Acme Inc."),
        "website": ("http://acme.com", "shop.acme.com"),
    }


def test_records_without_a_key_are_imported_and_counted(org: Org) -> None:
    counts = org.pull(
        "Account",
        [
            org.record(Id=account(1), Name="None"),
            org.record(Id=account(2), Name="Placeholder", Website="n/a"),
            org.record(Id=account(3), Name="Shared", Website="https://www.linkedin.com/company/x"),
            org.record(Id=account(4), Name="Free", Website="gmail.com"),
            org.record(Id=account(5), Name="Also none"),
        ],
    )
    assert counts.created == 5
    assert counts.reasons == {
        "no_website": 2, "website_placeholder": 1, "website_shared": 1, "website_free_mail": 1,
    }  # fmt: skip
    assert findings(org, "website_shared") == [(account(3), "https://www.linkedin.com/company/x")]
    assert Account.objects.filter(domain=None).count() == 5


def test_the_oldest_of_several_newcomers_is_primary_in_any_order_of_pages(org: Org) -> None:
    old = org.record(Id=account(9), Name="Oldest", Website="acme.com", Industry=None)
    young = org.record(Id=account(1), Name="Younger", Website="www.acme.com", Industry="Energy")
    youngest = org.record(Id=account(2), Name="Youngest", Website="acme.com/x")
    counts = org.pull("Account", [youngest, young], [old])
    local = Account.objects.get()
    assert (local.name, local.industry) == ("Oldest", None)
    roles = dict(MirrorAccount.objects.values_list("sf_id", "role"))
    assert roles == {account(9): Role.PRIMARY, account(1): Role.DUPLICATE, account(2): Role.DUPLICATE}
    assert set(MirrorAccount.objects.values_list("local_id", flat=True)) == {local.pk}
    assert findings(org, "duplicate") == [(account(1), account(9)), (account(2), account(9))]
    assert counts.created == 1


def test_a_later_newcomer_never_displaces_a_primary_of_an_earlier_run(org: Org) -> None:
    old, young = org.record(Id=account(1), Name="Older", Website="acme.com"), None
    young = org.record(Id=account(2), Name="Younger", Website="acme.com")
    org.pull("Account", [young])
    org.pull("Account", [old])
    assert Account.objects.get().name == "Younger"
    assert MirrorAccount.objects.get(sf_id=account(1)).role == Role.DUPLICATE


def test_a_duplicate_never_writes_but_its_contacts_roll_up(org: Org) -> None:
    org.pull(
        "Account",
        [
            org.record(Id=account(1), Name="Main", Website="acme.com"),
            org.record(Id=account(2), Name="Copy", Website="acme.com"),
        ],
    )
    org.pull("Account", [org.record(Id=account(2), Name="Copy changed", Website="acme.com")])
    org.pull("Contact", [org.record(Id=contact(1), LastName="Of the copy", Email="a@acme.com", AccountId=account(2))])
    local = Account.objects.get()
    assert local.name == "Main"
    assert Contact.objects.get().account == local


def test_a_primary_that_is_deleted_hands_over_to_the_next(org: Org) -> None:
    first = org.record(Id=account(1), Name="First", Website="acme.com", Industry="Energy")
    second = org.record(Id=account(2), Name="Second", Website="acme.com")
    org.pull("Account", [first, second])
    counts = org.pull("Account", [{**first, "IsDeleted": True, "SystemModstamp": org.stamp()}])
    assert counts.deleted == 1
    local = Account.objects.get()
    assert (local.name, local.industry) == ("Second", "Energy")
    assert MirrorAccount.objects.get(sf_id=account(2)).role == Role.PRIMARY
    assert MirrorAccount.objects.get(sf_id=account(1)).is_deleted


def test_a_deleted_record_keeps_its_local_record_and_an_undelete_revives_the_link(org: Org) -> None:
    record = org.record(Id=account(1), Name="Acme", Website="acme.com")
    org.pull("Account", [record])
    org.pull("Account", [{**record, "IsDeleted": True, "SystemModstamp": org.stamp()}])
    local = Account.objects.get()
    assert MirrorAccount.objects.get().is_deleted
    org.pull("Account", [{**record, "Name": "Acme 2", "SystemModstamp": org.stamp()}])
    local.refresh_from_db()
    mirror = MirrorAccount.objects.get()
    assert (local.name, mirror.is_deleted, mirror.role, mirror.local_id) == ("Acme 2", False, Role.PRIMARY, local.pk)


def test_a_merge_moves_the_losers_link_to_the_winner(org: Org) -> None:
    winner = org.record(Id=account(1), Name="Winner", Website="winner.com")
    loser = org.record(Id=account(2), Name="Loser", Website="loser.com")
    org.pull("Account", [winner, loser])
    org.pull("Account", [{**loser, "IsDeleted": True, "MasterRecordId": account(1), "SystemModstamp": org.stamp()}])
    target = Account.objects.get(domain="winner.com")
    link = MirrorAccount.objects.get(sf_id=account(2))
    assert (link.local_id, link.role, link.is_deleted) == (target.pk, Role.DUPLICATE, True)
    assert findings(org, "merged_in_salesforce") == [(account(2), account(1))]
    assert Account.objects.filter(domain="loser.com").exists()


def test_a_chain_of_merges_between_two_runs_ends_at_the_survivor_in_any_order(org: Org) -> None:
    records = [org.record(Id=account(n), Name=f"A{n}", Website=f"a{n}.com") for n in (1, 2, 3)]
    gone = [
        {**records[0], "IsDeleted": True, "MasterRecordId": account(2)},
        {**records[1], "IsDeleted": True, "MasterRecordId": account(3)},
    ]
    org.pull("Account", gone, [records[2]])
    survivor = Account.objects.get()
    assert survivor.name == "A3"
    assert set(MirrorAccount.objects.values_list("local_id", flat=True)) == {survivor.pk}


def test_create_off_leaves_the_record_in_the_mirror_unlinked(org: Org) -> None:
    setting = org.setting("Account")
    setting.create_in_abmatic = False
    setting.save()
    counts = org.pull("Account", [org.record(Id=account(1), Name="Acme", Website="acme.com")])
    assert (counts.created, counts.skipped, counts.reasons) == (0, 1, {"create_is_off": 1})
    mirror = MirrorAccount.objects.get()
    assert (mirror.local_id, mirror.role, mirror.key) == (None, Role.UNLINKED, "acme.com")
    setting.create_in_abmatic = True
    setting.save()
    assert org.pull("Account", [org.record(Id=account(1), Name="Acme", Website="acme.com")]).created == 1


def test_update_off_touches_no_existing_record(org: Org) -> None:
    record = org.record(Id=account(1), Name="Acme", Website="acme.com")
    org.pull("Account", [record])
    setting = org.setting("Account")
    setting.update_in_abmatic = False
    setting.save()
    org.pull("Account", [{**record, "Name": "Changed", "SystemModstamp": org.stamp()}])
    assert Account.objects.get().name == "Acme"
    mirror = MirrorAccount.objects.get()
    assert (mirror.values["Name"], mirror.base["Name"]) == ("Changed", "Acme")


def test_an_older_answer_never_overwrites_a_newer_one(org: Org) -> None:
    old = org.record(Id=account(1), Name="Old", Website="acme.com")
    org.pull("Account", [{**old, "Name": "New", "SystemModstamp": org.stamp()}])
    org.pull("Account", [old])
    assert MirrorAccount.objects.get().values["Name"] == "New"
    assert Account.objects.get().name == "New"


def test_lead_and_contact_with_one_email_are_one_local_contact(org: Org) -> None:
    org.pull("Contact", [org.record(Id=contact(1), LastName="Contact", Email="A@x.com", Title="CTO")])
    counts = org.pull(
        "Lead", [org.record(Id=lead(1), LastName="Lead", Email="a@X.com", Title="Dev", IsConverted=False)]
    )
    local = Contact.objects.get()
    assert (local.last_name, local.job_title, local.kind) == ("Contact", "CTO", "contact")
    assert (counts.created, counts.linked) == (0, 1)
    assert MirrorContact.objects.get().local_id == MirrorLead.objects.get().local_id == local.pk


@pytest.mark.parametrize("order", [("Contact", "Lead"), ("Lead", "Contact")])
def test_a_person_has_the_contacts_values_and_else_the_leads_whichever_came_first(
    org: Org, order: tuple[str, str]
) -> None:
    owners = ["005000000000000001", "005000000000000002"]
    org.pull("User", [org.record(Id=each, Name=f"Rep {n}", IsActive=True) for n, each in enumerate(owners)])
    records = {
        "Contact": org.record(Id=contact(1), LastName="Contact", Email="a@x.com", Title=None, OwnerId=owners[0]),
        "Lead": org.record(
            Id=lead(1), LastName="Lead", Email="a@x.com", Title="Dev", IsConverted=False, OwnerId=owners[1]
        ),
    }
    for sobject in order:
        org.pull(sobject, [records[sobject]])
    local = Contact.objects.get()
    assert (local.last_name, local.job_title, str(local.owner), local.kind) == ("Contact", "Dev", "Rep 0", "contact")
    # Said once: what a rep empties afterwards stays empty, and what the lead says then is not listened to.
    org.pull("Contact", [{**records["Contact"], "Title": "CTO", "SystemModstamp": org.stamp()}])
    org.pull("Contact", [{**records["Contact"], "Title": None, "SystemModstamp": org.stamp()}])
    org.pull("Lead", [{**records["Lead"], "Title": "Boss", "SystemModstamp": org.stamp()}])
    local.refresh_from_db()
    assert (local.last_name, local.job_title) == ("Contact", None)


def test_with_update_off_a_lead_says_nothing_of_a_contact(org: Org) -> None:
    setting = org.setting("Lead")
    setting.update_in_abmatic = False
    setting.save()
    org.pull("Contact", [org.record(Id=contact(1), LastName="Contact", Email="a@x.com")])
    org.pull("Lead", [org.record(Id=lead(1), LastName="Lead", Email="a@x.com", Title="Dev", IsConverted=False)])
    assert Contact.objects.get().job_title is None


def test_a_contact_that_comes_after_the_lead_takes_precedence(org: Org) -> None:
    org.pull("Lead", [org.record(Id=lead(1), LastName="Lead", Email="a@x.com", Title="Dev", IsConverted=False)])
    assert Contact.objects.get().kind == "lead"
    org.pull("Contact", [org.record(Id=contact(1), LastName="Contact", Email="a@x.com")])
    org.pull("Lead", [org.record(Id=lead(1), LastName="Lead again", Email="a@x.com", Title="Boss", IsConverted=False)])
    local = Contact.objects.get()
    assert (local.last_name, local.job_title, local.kind) == ("Contact", "Dev", "contact")


def converted(org: Org, n: int, to: int, **fields: object) -> dict[str, object]:
    return org.record(
        Id=lead(n), IsConverted=True, ConvertedContactId=contact(to), ConvertedAccountId=account(1),
        ConvertedOpportunityId=opportunity(1), ConvertedDate="2026-02-03", **fields,
    )  # fmt: skip


def outcome_of_conversion() -> tuple[object, ...]:
    local = Contact.objects.get()
    return (
        local.last_name, local.email_key, local.kind, local.account and local.account.domain,
        MirrorLead.objects.get().local_id == local.pk, MirrorContact.objects.get().local_id == local.pk,
        MirrorLead.objects.get().waiting_for,
    )  # fmt: skip


EXPECTED = ("New name", "new@x.com", "contact", "xco.com", True, True, None)


def test_a_conversion_seen_live_moves_the_local_contact(org: Org) -> None:
    org.pull("Lead", [org.record(Id=lead(1), LastName="Old name", Email="old@x.com", IsConverted=False)])
    was = Contact.objects.get()
    org.pull("Account", [org.record(Id=account(1), Name="X", Website="xco.com")])
    org.pull("Lead", [converted(org, 1, 1, LastName="Old name", Email="old@x.com")])
    assert findings(org, "converted") == [(lead(1), contact(1))]
    org.pull("Contact", [org.record(Id=contact(1), LastName="New name", Email="new@x.com", AccountId=account(1))])
    assert outcome_of_conversion() == EXPECTED
    assert Contact.objects.get().pk == was.pk
    assert Change.objects.filter(record="contact", record_id=was.pk, field="kind", after="contact").count() == 1


def test_a_conversion_between_two_runs_gives_the_same(org: Org) -> None:
    org.pull("Lead", [org.record(Id=lead(1), LastName="Old name", Email="old@x.com", IsConverted=False)])
    was = Contact.objects.get()
    org.pull("Account", [org.record(Id=account(1), Name="X", Website="xco.com")])
    org.pull("Contact", [org.record(Id=contact(1), LastName="New name", Email="new@x.com", AccountId=account(1))])
    org.pull("Lead", [converted(org, 1, 1, LastName="Old name", Email="old@x.com")])
    assert outcome_of_conversion() == EXPECTED
    assert Contact.objects.get().pk == was.pk


def test_a_conversion_before_the_first_import_gives_the_same(org: Org) -> None:
    org.pull("Account", [org.record(Id=account(1), Name="X", Website="xco.com")])
    org.pull("Contact", [org.record(Id=contact(1), LastName="New name", Email="new@x.com", AccountId=account(1))])
    org.pull("Lead", [converted(org, 1, 1, LastName="Old name", Email="old@x.com")])
    assert outcome_of_conversion() == EXPECTED
    assert org.pull("Lead", [converted(org, 1, 1, LastName="Old name", Email="old@x.com")]).reasons == {}


def test_several_leads_converted_into_one_contact_are_one_person(org: Org) -> None:
    org.pull(
        "Lead",
        [org.record(Id=lead(n), LastName=f"Lead {n}", Email=f"lead{n}@x.com", IsConverted=False) for n in (1, 2, 3)],
    )
    oldest = MirrorLead.objects.get(sf_id=lead(1)).local_id
    org.pull("Contact", [org.record(Id=contact(1), LastName="Person", Email="person@x.com")])
    org.pull("Lead", [converted(org, n, 1, LastName=f"Lead {n}", Email=f"lead{n}@x.com") for n in (3, 2)])
    org.pull("Lead", [converted(org, 1, 1, LastName="Lead 1", Email="lead1@x.com")])
    local = Contact.objects.get()
    assert (local.last_name, local.email_key) == ("Person", "person@x.com")
    assert set(MirrorLead.objects.values_list("local_id", flat=True)) == {local.pk}
    assert oldest is not None


def test_two_contacts_that_one_persons_leads_became_are_one_person_with_one_primary(org: Org) -> None:
    leads = [org.record(Id=lead(n), LastName="Lead", Email="lead@x.com", IsConverted=False) for n in (1, 2)]
    org.pull("Lead", leads)
    org.pull("Contact", [org.record(Id=contact(n), LastName=f"C{n}", Email=f"c{n}@x.com") for n in (2, 1)])
    org.pull("Lead", [converted(org, n, n, LastName="Lead", Email="lead@x.com") for n in (1, 2)])
    person = Contact.objects.get()
    links = MirrorContact.objects.filter(local_id=person.pk).order_by("role").values_list("role", "values__LastName")
    assert list(links) == [
        (Role.PRIMARY, person.last_name),
        (Role.DUPLICATE, {"C1": "C2", "C2": "C1"}[person.last_name]),
    ]


def test_children_that_come_before_their_parents_are_linked_when_they_arrive(org: Org) -> None:
    org.pull(
        "OpportunityContactRole",
        [org.record(Id=role(1), OpportunityId=opportunity(1), ContactId=contact(1), Role="Buyer")],
    )
    org.pull("Contact", [org.record(Id=contact(1), LastName="C", AccountId=account(1))])
    org.pull(
        "Opportunity",
        [
            org.record(
                Id=opportunity(1), Name="Deal", AccountId=account(1), Amount=5, StageName="Won", CloseDate="2026-02-28"
            )
        ],
    )
    assert OpportunityContact.objects.get().role == "Buyer"
    org.pull("Account", [org.record(Id=account(1), Name="X", Website="xco.com")])
    assert Contact.objects.get().account == Opportunity.objects.get().account == Account.objects.get()


def test_a_contact_role_that_is_deleted_goes(org: Org) -> None:
    org.pull("Contact", [org.record(Id=contact(1), LastName="C")])
    org.pull("Opportunity", [org.record(Id=opportunity(1), Name="Deal", StageName="Won", CloseDate="2026-02-28")])
    first = org.record(Id=role(1), OpportunityId=opportunity(1), ContactId=contact(1), Role="Buyer", IsPrimary=True)
    org.pull("OpportunityContactRole", [first])
    assert OpportunityContact.objects.get().is_primary
    org.pull("OpportunityContactRole", [{**first, "Role": "User", "SystemModstamp": org.stamp()}])
    assert OpportunityContact.objects.get().role == "User"
    org.pull("OpportunityContactRole", [{**first, "IsDeleted": True, "SystemModstamp": org.stamp()}])
    assert not OpportunityContact.objects.exists()


def test_owners_are_people_of_the_org(org: Org) -> None:
    org.pull("User", [org.record(Id="005000000000000001", Name="Rep", Email="rep@x.com", IsActive=True)])
    org.pull("Account", [org.record(Id=account(1), Name="X", OwnerId="005000000000000001")])
    owner = Account.objects.get().owner
    assert owner is not None
    assert (owner.name, owner.email, owner.is_active) == ("Rep", "rep@x.com", True)


def test_a_second_org_meets_the_same_accounts(org: Org) -> None:
    org.pull("Account", [org.record(Id=account(1), Name="Acme", Website="acme.com")])
    other = Org(new_connection("00D000000000002AAA", "Sandbox"))
    counts = other.pull("Account", [other.record(Id=account(1), Name="Acme", Website="acme.com")])
    assert (counts.created, counts.linked) == (0, 1)
    assert MirrorAccount.objects.filter(local_id=Account.objects.get().pk, role=Role.PRIMARY).count() == 2
