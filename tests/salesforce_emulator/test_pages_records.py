"""Records on the org's pages: looking, creating, editing, what is refused, deleting."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api
from tests.salesforce_emulator.rep import Rep

from salesforce_emulator.schema import BASE


@pytest.fixture
def rep(api: Api) -> Rep:
    return Rep(api)


def error_at(page: str, field: str) -> str:
    """What a form says at a field."""
    found = re.search(rf'<p class="error" id="f-{field}-error">([^<]*)</p>', page)
    assert found, f"nothing is said at {field}"
    assert f'aria-describedby="f-{field}-error"' in page
    return found[1]


def test_a_rep_changes_a_record(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="Before", Industry="Banking", NumberOfEmployees=3, Phone="1")
    page = rep.send(
        f"/o/Account/{record}/edit", Name="After", NumberOfEmployees="4", Industry="", OwnerId="Sam Sato",
        Description="two\nlines",
    )  # fmt: skip
    assert "Saved." in page
    fields = "Name, NumberOfEmployees, Industry, LastModifiedById, OwnerId, Phone, Description"
    assert api.rows(f"SELECT {fields} FROM Account") == [
        {
            "Name": "After", "NumberOfEmployees": 4, "Industry": None, "LastModifiedById": BASE.reps[0],
            "OwnerId": BASE.reps[1], "Phone": "1", "Description": "two\nlines",
        }
    ]  # fmt: skip


def test_a_form_saved_untouched_changes_nothing(api: Api, rep: Rep) -> None:
    record = api.create(
        "Account", Name="A", AnnualRevenue=12345.5, NumberOfEmployees=7, Description="\n first\nsecond\n\nlast",
        SLAExpirationDate__c="2026-02-28", Topics__c="C;A", Tier__c="Gold", Industry="Not in the list",
    )  # fmt: skip
    with api.org.store.writing() as conn:
        conn.execute('UPDATE "Account" SET "Site" = ?, "SicDesc" = ?', ("a\r\nb\x00c", "x" * 200_000))
        conn.execute('UPDATE "Account" SET "BillingStreet" = ?', ("one\rtwo\r\nthree\x00",))
        before = conn.execute('SELECT * FROM "Account"').fetchall()
    rep.send(f"/o/Account/{record}/edit")
    with api.org.store.reading() as conn:
        assert conn.execute('SELECT * FROM "Account"').fetchall() == before


def test_every_object_is_saved_untouched_without_a_change(api: Api, rep: Rep) -> None:
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", FirstName="D", AccountId=account, Birthdate="1990-01-02")
    api.create("Lead", LastName="L", Company="C", AnnualRevenue=5)
    campaign = api.create("Campaign", Name="K", StartDate="2026-01-01", IsActive=True, BudgetedCost=0)
    api.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    api.create("Opportunity", Name="O", StageName="Closed Won", CloseDate="2026-01-01", ContactId=contact, Amount=0)
    saved = 0
    for sobject in api.org.store.schema:
        if not sobject.updateable:
            continue
        with api.org.store.reading() as conn:
            before = conn.execute(f'SELECT * FROM "{sobject.name}"').fetchall()
        for target in set(re.findall(rf'href="(/o/{sobject.name}/\w{{18}})"', rep.open(f"/o/{sobject.name}"))):
            rep.send(f"{target}/edit")
            saved += 1
        with api.org.store.reading() as conn:
            assert conn.execute(f'SELECT * FROM "{sobject.name}"').fetchall() == before
    assert saved >= 15


def test_picklists_of_several_values_are_boxes(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="A", Topics__c="C;A")
    rep.send(f"/o/Account/{record}/edit", Topics__c=["", "B", "C"])
    assert api.rows("SELECT Topics__c FROM Account") == [{"Topics__c": "B;C"}]
    rep.send(f"/o/Account/{record}/edit", Topics__c="")
    assert api.rows("SELECT Topics__c FROM Account") == [{"Topics__c": None}]


def test_a_new_record_gets_defaults_and_what_its_address_says(api: Api, rep: Rep) -> None:
    account = api.create("Account", Name="Parent Ltd")
    path = f"/o/Contact/new?AccountId={account}&IsDeleted=1&Nothing=x"
    form = dict(rep.form(path))
    assert (form["AccountId"], form["AccountId.name"], form["OwnerId.name"]) == (account, "Parent Ltd", "Rita Reyes")
    rep.send(path, LastName="New")
    assert api.rows("SELECT AccountId, OwnerId FROM Contact") == [{"AccountId": account, "OwnerId": BASE.reps[0]}]


def test_required_fields_are_said_at_their_inputs_and_what_was_typed_stays(api: Api, rep: Rep) -> None:
    page = rep.send("/o/Lead/new", status=422, LastName="", Company="Kept Ltd", Description="<b>\nkept")
    assert error_at(page, "LastName") == "Complete this field."
    assert "Review the errors on this page." in page
    assert 'value="Kept Ltd"' in page
    assert "\n&lt;b&gt;\nkept</textarea>" in page
    assert api.rows("SELECT Id FROM Lead") == []


REFUSALS = [
    ("Email", "nonsense", "Email: invalid email address: nonsense"),
    ("Phone", "1" * 41, f"Phone: data value too large: {'1' * 41} (max length=40)"),
    ("AnnualRevenue", "much", "Annual Revenue: value not of required type: much"),
]


@pytest.mark.parametrize(("field", "typed", "said"), REFUSALS)
def test_refusals_are_worded_as_by_the_api(api: Api, rep: Rep, field: str, typed: str, said: str) -> None:
    typed_fields: dict[str, Any] = {"LastName": "L", "Company": "C", field: typed}
    assert error_at(rep.send("/o/Lead/new", status=422, **typed_fields), field) == said


def test_a_refusal_of_no_field_is_said_above_the_form(api: Api, rep: Rep) -> None:
    first = api.create("Account", Name="A", External__c="X1")
    page = rep.send("/o/Account/new", status=422, Name="B", External__c="X1")
    assert f"duplicate value found: External__c duplicates value on record with id: {first[:15]}" in page


def test_references_are_found_by_name_or_id(api: Api, rep: Rep) -> None:
    parent = api.create("Account", Name="Parent Ltd")
    for number, typed in enumerate(("parent ltd", parent, parent[:15])):
        rep.send("/o/Account/new", Name=f"Child {number}", ParentId=typed)
    assert len(api.rows(f"SELECT Id FROM Account WHERE ParentId = '{parent}'")) == 3
    assert "No record is called “Nobody”" in error_at(
        rep.send("/o/Account/new", status=422, Name="X", ParentId="Nobody"), "ParentId"
    )
    api.create("Account", Name="Parent Ltd")
    page = rep.send("/o/Account/new", status=422, Name="X", ParentId="Parent Ltd")
    assert "2 records are called “Parent Ltd”" in error_at(page, "ParentId")
    assert 'value="Parent Ltd"' in page, "what was typed stays"


def test_a_reference_that_was_picked_is_the_one_that_is_meant(api: Api, rep: Rep) -> None:
    api.create("Account", Name="Twin")
    second = api.create("Account", Name="Twin")
    contact = api.create("Contact", LastName="C", AccountId=second)
    rep.send(f"/o/Contact/{contact}/edit", LastName="D")
    assert api.rows("SELECT LastName, AccountId FROM Contact") == [{"LastName": "D", "AccountId": second}]
    rep.send(f"/o/Contact/{contact}/edit", AccountId="")
    assert api.rows("SELECT AccountId FROM Contact") == [{"AccountId": None}]


def test_delete_and_undelete(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="Gone")
    here = f"/o/Account/{record}"
    assert "recycle bin" in rep.send(here, to=f"{here}/delete")
    assert api.rows("SELECT Id FROM Account") == []
    assert "Edit</a>" not in rep.open(here)
    rep.send(here, to=f"{here}/undelete")
    assert api.rows("SELECT Id FROM Account") == [{"Id": record}]


def test_a_record_that_was_deleted_meanwhile_is_not_saved(api: Api, rep: Rep) -> None:
    record = api.create("Account", Name="Gone")
    fields = dict(rep.form(f"/o/Account/{record}/edit"))
    api.delete(f"sobjects/Account/{record}")
    answer = rep.http.post(f"/o/Account/{record}/edit", data={**fields, "Name": "Back"})
    assert answer.status_code == 422
    assert "entity is deleted" in answer.text


def test_what_belongs_to_a_record_is_listed(api: Api, rep: Rep) -> None:
    account = api.create("Account", Name="A")
    assert "Contacts (0)" in rep.open(f"/{account}")
    for number in range(7):
        contact = api.create("Contact", LastName=f"C{number}", AccountId=account)
    api.create("Contact", LastName="Other")
    page = rep.open(f"/{account}")
    assert "Contacts (7)" in page
    assert f'href="/o/Contact/{contact}"><bdi>C6</bdi></a>' in page
    assert "<bdi>C1</bdi>" not in page, "the newest five"
    assert "View all" in page
    whole = rep.open(f"/o/Contact?by=AccountId&of={account}")
    assert "7 records" in whole
    assert "Other" not in whole


def test_addresses_and_names_are_shown_whole(api: Api, rep: Rep) -> None:
    record = api.create(
        "Contact", FirstName="Ana", LastName="Lee", MailingStreet="1 Quay", MailingCity="Kiel",
        MailingPostalCode="24103", MailingCountry="Germany",
    )  # fmt: skip
    page = rep.open(f"/{record}")
    assert "<bdi>1 Quay\n24103 Kiel\nGermany</bdi>" in page
    assert "<bdi>Ana Lee</bdi></h1>" in page
    assert "Mailing Street" not in page


def test_the_orgs_own_rules_speak_at_their_fields(api: Api, rep: Rep) -> None:
    rule = {
        "object": "Account", "fullName": "Sites", "errorConditionFormula": "ISBLANK(Website)",
        "errorMessage": "Where is it?", "errorDisplayField": "Website",
    }  # fmt: skip
    general = {**rule, "fullName": "Phones", "errorConditionFormula": "ISBLANK(Phone)", "errorMessage": "And a phone?"}
    del general["errorDisplayField"]
    assert api.post("/__emulator/rules", json={"validation_rules": [rule, general]}).status_code == 200
    page = rep.send("/o/Account/new", status=422, Name="A")
    assert error_at(page, "Website") == "Where is it?"
    assert "<li>And a phone?</li>" in page


def test_a_dependent_picklist_is_held_to_what_controls_it(api: Api, rep: Rep) -> None:
    def add(**field: Any) -> None:
        answer = api.post("/__emulator/schema", json=[{"action": "add_field", "object": "Account", "field": field}])
        assert answer.status_code == 200, answer.text

    add(name="Land__c", label="Land", kind="picklist", values=["DE", "FR"])
    cities = [{"value": "Kiel", "validFor": ["DE"]}, {"value": "Lyon", "validFor": ["FR"]}]
    add(name="City__c", label="City", kind="picklist", values=cities, controllerName="Land__c")
    page = rep.send("/o/Account/new", status=422, Name="A", Land__c="FR", City__c="Kiel")
    assert error_at(page, "City__c") == "City: bad value for restricted picklist field: Kiel"
    rep.send("/o/Account/new", Name="A", Land__c="FR", City__c="Lyon")
    (account,) = api.rows("SELECT Id FROM Account")
    assert error_at(rep.send(f"/o/Account/{account['Id']}/edit", status=422, Land__c="DE"), "City__c")
    rep.send(f"/o/Account/{account['Id']}/edit", Land__c="DE", City__c="")


def test_objects_of_its_own_have_a_place_in_the_bar(api: Api, rep: Rep) -> None:
    made = {"action": "add_object", "name": "Visit__c", "label": "Visit", "labelPlural": "Visits"}
    answer = api.post("/__emulator/schema", json=[made])
    assert answer.status_code == 200, answer.text
    assert '<a href="/o/Visit__c">Visits</a>' in rep.open("/")
    rep.send("/o/Visit__c/new", Name="First")
    assert "First" in rep.open("/o/Visit__c")
