"""The settings of an object, as a page shows and saves them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.custom_fields import create
from abmatic.identity.models import User
from abmatic.sync import org_fields, runs
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting, OrgFields, PreviewJob, Run, SettingsChange
from abmatic.web.salesforce import syncing

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db


def address(connection: Connection, tab: str = "accounts", name: str = "object-settings", *more: int) -> str:
    return reverse(name, args=[connection.pk, tab, *more])


def mark(client: Client, connection: Connection, tab: str = "accounts") -> str:
    found = re.search(r'name="mark" value="([^"]+)"', client.get(address(connection, tab)).text)
    assert found
    return found[1]


def form(connection: Connection, sobject: str = "Account", **changed: Any) -> dict[str, Any]:
    """What a browser sends when nothing was touched, but for what is changed. None is a box that is not ticked."""
    setting = ObjectSetting.objects.get(connection=connection, sobject=sobject)
    mappings = list(setting.mappings.all())
    data: dict[str, Any] = {
        "create_in_abmatic": "on", "update_in_abmatic": "on", "frequency": "manual", "full_compare": "auto",
        "conflict_policy": "recent",
        "m-salesforce": [m.sf_field for m in mappings], "m-abmatic": [m.local_field for m in mappings],
        "m-to-salesforce": [m.to_salesforce for m in mappings], "m-to-abmatic": [m.to_abmatic for m in mappings],
        "m-into": [m.sf_field for m in mappings], "filter-word": "all", **changed,
    }  # fmt: skip
    return {name: value for name, value in data.items() if value is not None}


def offer(connection: Connection, *fields: dict[str, Any], sobject: str = "Account") -> None:
    plain = {"label": "", "type": "string", "scale": 0, "createable": True, "updateable": True, "calculated": False,
             "custom": True}  # fmt: skip
    OrgFields.objects.create(
        connection=connection, sobject=sobject, at=timezone.now(), fields=[{**plain, **field} for field in fields]
    )


def test_each_object_has_a_tab_with_everything_in_it(admin: Client, connection: Connection) -> None:
    for tab, label in (("accounts", "Accounts"), ("contacts", "Contacts"), ("leads", "Leads"),
                       ("opportunities", "Opportunities")):  # fmt: skip
        page = admin.get(address(connection, tab)).text
        for words in ("Last Sync with Salesforce", "Last Sync with Abmatic", f"Sync {label} Manually",
                      "Set object syncing", "Create in Salesforce", "Update in Abmatic", "Sync into Abmatic",
                      "Set up filters for pushing records", "Set field mapping", "Add Mapping", "Sync frequency",
                      "Every 6 hours", "Manual only", "Automatically push changes to Salesforce",
                      "When both sides changed a field", "Activity Log"):  # fmt: skip
            assert words in page, (tab, words)
        assert ("New people become" in page) == (tab == "leads")
        assert ("Primary key" in page) == (tab != "opportunities")


def test_fields_for_engagement_are_suggested_with_whether_the_org_has_them(
    admin: Client, connection: Connection
) -> None:
    offer(connection, {"name": "Abmatic_Last_Visit__c", "type": "date"}, sobject="Contact")
    page = admin.get(address(connection, "contacts")).text
    assert "Write engagement to Contacts" in page
    assert "Map Last visit to Abmatic_Last_Visit__c" in page
    assert page.count("Not there") == 4
    assert "Not asked yet" in admin.get(address(connection, "leads")).text
    assert "Write engagement" not in admin.get(address(connection, "opportunities")).text
    sent = {"salesforce": "Abmatic_Last_Visit__c", "abmatic": "last_visit_on", "to_salesforce": "overwrite",
            "to_abmatic": "none", "m-salesforce": [], "m-abmatic": []}  # fmt: skip
    row = admin.post(address(connection, "contacts", "object-mapping"), sent)
    assert row.headers["HX-Trigger-After-Swap"] == "mapping-added"
    assert "Sync into Salesforce" in row.text
    # The dialog's usual choice is to read, which makes no sense of what is worked out here.
    usual = {**sent, "to_salesforce": "none", "to_abmatic": "overwrite"}
    assert "Sync into Salesforce" in admin.post(address(connection, "contacts", "object-mapping"), usual).text


@pytest.mark.parametrize("tab", ["nonsense", "users", "contact-roles", "Accounts"])
def test_what_has_no_settings_is_no_tab(admin: Client, connection: Connection, tab: str) -> None:
    assert admin.get(f"/settings/integrations/salesforce/{connection.pk}/{tab}/").status_code == 404


def test_saving_changes_what_was_changed_and_keeps_who_did(admin: Client, alice: User, connection: Connection) -> None:
    sent = form(connection, update_in_salesforce="on", auto_push="on", frequency="6", conflict_policy="salesforce")
    sent["m-clear"] = ["BillingCity"]
    sent["m-into"].remove("Industry")
    answer = admin.post(address(connection), {**sent, "mark": mark(admin, connection)}, follow=True)
    assert "Saved: 6 changes." in answer.text
    setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
    assert (setting.update_in_salesforce, setting.create_in_salesforce, setting.auto_push) == (True, False, True)
    assert (setting.frequency, setting.policy) == (6, "salesforce")
    assert FieldMapping.objects.get(setting=setting, sf_field="BillingCity").clear_with_empty
    assert FieldMapping.objects.get(setting=setting, sf_field="Industry").to_abmatic == "none"
    assert SettingsChange.objects.get().user == alice
    assert "Alice Adler" in answer.text
    assert "Sync both ways" in answer.text


def test_how_often_every_record_is_compared_is_chosen_beside_what_it_costs(
    admin: Client, connection: Connection
) -> None:
    assert "Known after the first import" in admin.get(address(connection)).text
    org.run(connection, trigger=Run.Trigger.FIRST_IMPORT, api_calls=1_234)
    ObjectSetting.objects.filter(sobject="Account").update(offered={"Account": {"calculated": ["Industry"]}})
    page = admin.get(address(connection)).text
    assert page.count("about 1,234 API calls every 7 days") == 2
    assert page.count("about 1,234 API calls every 30 days") == 1
    assert 'name="full_compare" value="auto" checked' in page
    sent = {**form(connection, full_compare="off"), "mark": mark(admin, connection)}
    assert "Saved: 1 change." in admin.post(address(connection), sent, follow=True).text
    assert ObjectSetting.objects.get(connection=connection, sobject="Account").full_compare == "off"
    assert 'name="full_compare" value="off" checked' in admin.get(address(connection)).text
    sent = {**form(connection, full_compare="daily"), "mark": mark(admin, connection)}
    refused = admin.post(address(connection), sent)
    assert refused.status_code == 400
    assert "known are auto, weekly, monthly, off" in refused.text


def test_saving_what_is_there_changes_nothing(admin: Client, connection: Connection) -> None:
    answer = admin.post(address(connection), {**form(connection), "mark": mark(admin, connection)}, follow=True)
    assert "Nothing was changed." in answer.text
    assert not SettingsChange.objects.exists()


def test_what_is_wrong_is_said_in_its_place_and_kept_in_the_form(admin: Client, connection: Connection) -> None:
    sent = form(connection, update_in_salesforce="on", frequency="5")
    for name, value in (("m-salesforce", "Tier__c"), ("m-abmatic", "nothing"), ("m-to-salesforce", "fill"),
                        ("m-to-abmatic", "fill")):  # fmt: skip
        sent[name].append(value)
    sent |= {"group-word": ["all"], "rule-group": ["0"], "rule-field": ["employee_count"], "rule-is": ["at_least"],
             "rule-value": ["many"]}  # fmt: skip
    answer = admin.post(address(connection), {**sent, "mark": mark(admin, connection)})
    assert answer.status_code == 400
    for words in ("Nothing was saved", "5 is no frequency", "&#x27;many&#x27; is no value of employee_count",
                  "mappings[7].abmatic", 'value="many"', "Tier__c", "Unsaved changes"):  # fmt: skip
        assert words in answer.text, words
    assert re.search(r'name="update_in_salesforce" checked', answer.text)
    assert not ObjectSetting.objects.filter(update_in_salesforce=True).exists()


def test_the_primary_key_can_not_be_removed(admin: Client, connection: Connection) -> None:
    sent = form(connection)
    place = sent["m-salesforce"].index("Website")
    for name in ("m-salesforce", "m-abmatic", "m-to-salesforce", "m-to-abmatic"):
        del sent[name][place]
    answer = admin.post(address(connection), {**sent, "mark": mark(admin, connection)})
    assert "is the primary key of Account and can&#x27;t be removed" in answer.text
    page = admin.get(address(connection)).text
    assert "Remove the mapping of Industry" in page
    assert "Remove the mapping of Website" not in page


def test_of_two_people_the_second_sees_what_the_first_did(
    admin: Client, alice: User, signed_in: SignedIn, connection: Connection
) -> None:
    bob = User.objects.create_user("bob@example.com", "x" * 12, role="administrator", name="Bob Berg")
    old = mark(admin, connection)
    signed_in(bob).post(address(connection), {**form(connection, auto_push="on"), "mark": old})
    answer = admin.post(address(connection), {**form(connection, frequency="24"), "mark": old})
    assert answer.status_code == 409
    for words in (
        "Somebody changed these settings while you did",
        "Bob Berg",
        "Automatically push changes to Salesforce",
    ):
        assert words in answer.text
    assert ObjectSetting.objects.get(sobject="Account").frequency == 0
    again = re.search(r'name="mark" value="([^"]+)"', answer.text)
    assert again
    assert again[1] != old
    admin.post(address(connection), {**form(connection, frequency="24"), "mark": again[1]})
    setting = ObjectSetting.objects.get(sobject="Account")
    assert (setting.frequency, setting.auto_push) == (24, False)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"all": [{"field": "industry", "is": "equals", "value": "Banking"}]},
        {"any": [{"field": "employee_count", "is": "at_least", "value": 200},
                 {"field": "revenue", "is": "less", "value": 1.5}]},
        {"all": [{"field": "city", "is": "in", "value": ["Wien", "Graz"]},
                 {"any": [{"field": "website", "is": "empty"}, {"field": "name", "is": "contains", "value": "x"}]}]},
        {"any": [{"all": [{"field": "city", "is": "not_empty"}, {"field": "name", "is": "not_empty"}]},
                 {"all": [{"field": "country", "is": "equals", "value": "AT"}]}]},
        {"all": [{"not": {"field": "city", "is": "empty"}}]},
        {"field": "city", "is": "empty"},
        {"all": [{"any": [{"all": [{"field": "city", "is": "empty"}]}]}]},
    ],
)  # fmt: skip
def test_a_filter_is_shown_and_saved_as_it_was(
    admin: Client, connection: Connection, condition: dict[str, Any]
) -> None:
    ObjectSetting.objects.filter(sobject="Account").update(push_filter=condition)
    page = admin.get(address(connection)).text
    names = ("filter-word", "group-word", "rule-group", "rule-field", "rule-is", "rule-value")
    sent = form(connection) | {name: _controls(page, name) for name in names}
    kept = re.search(r'name="filter-kept" value="([^"]*)"', page)
    groups = [len(_rules(part)) for part in _groups(page)]
    sent["rule-group"] = [str(place) for place, many in enumerate(groups) for _ in range(many)]
    if kept:
        from html import unescape

        sent["filter-kept"] = unescape(kept[1])
    answer = admin.post(address(connection), {**sent, "mark": mark(admin, connection)}, follow=True)
    assert "Nothing was changed." in answer.text
    assert ObjectSetting.objects.get(sobject="Account").push_filter == condition


def _body(page: str) -> str:
    start = page.index('id="filter"')
    return page[start : page.index("<template", start)]


def _groups(page: str) -> list[str]:
    return _body(page).split("data-group role")[1:]


def _rules(part: str) -> list[str]:
    return part.split("data-rule>")[1:]


def _controls(page: str, name: str) -> list[str]:
    from html import unescape

    body = _body(page)
    found = []
    for match in re.finditer(rf'<(select|input)[^>]*name="{name}"[^>]*>', body):
        if match[1] == "input":
            value = re.search(r'value="([^"]*)"', match[0])
        else:
            value = re.search(
                r'<option value="([^"]*)"[^>]* selected', body[match.end() : body.index("</select>", match.end())]
            )
        found.append(unescape(value[1]) if value else "")
    return found


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ((), "No filter: every one of 3 accounts may be pushed."),
        (("employee_count", "at_least", "200"), "2 accounts match now."),
        (("employee_count", "in", "10, 300"), "2 accounts match now."),
        (("name", "starts_with", "firm"), "3 accounts match now."),
        (("employee_count", "at_least", "many"), "is no value of employee_count"),
        (("nonsense", "equals", "x"), "is no field"),
        (("name", "contains", " "), "Give each rule its value"),
        (("city", "empty", ""), "3 accounts match now."),
    ],
)
def test_the_filter_counts(admin: Client, connection: Connection, rule: tuple[str, ...], said: str) -> None:
    for number in (10, 200, 300):
        org.account(f"Firm {number}", employee_count=number)
    sent: dict[str, Any] = {"filter-word": "all"}
    if rule:
        sent |= {"group-word": "all", "rule-group": "0", "rule-field": rule[0], "rule-is": rule[1],
                 "rule-value": rule[2]}  # fmt: skip
    assert said in admin.post(address(connection, "accounts", "object-filter-count"), sent).text


def test_viewers_see_how_many_the_filter_that_is_set_lets_through(
    vera: User, signed_in: SignedIn, connection: Connection
) -> None:
    org.account("Acme", city="Wien")
    org.account("Other")
    ObjectSetting.objects.filter(sobject="Account").update(push_filter={"field": "city", "is": "not_empty"})
    answer = signed_in(vera).post(address(connection, "accounts", "object-filter-count"), {"mark": "x"})
    assert "1 account matches now." in answer.text


class TestAddMapping:
    @pytest.fixture(autouse=True)
    def fields(self, connection: Connection) -> None:
        offer(connection, {"name": "Tier__c", "label": "Partner tier"}, {"name": "Industry", "label": "Industry"},
              {"name": "Score__c", "label": "Score", "type": "double", "scale": 2, "calculated": True})  # fmt: skip

    def post(self, admin: Client, connection: Connection, **data: Any) -> Any:
        return admin.post(address(connection, "accounts", "object-mapping"), data)

    def test_the_lists_are_searched(self, admin: Client, connection: Connection) -> None:
        where = address(connection, "accounts", "object-salesforce-fields")
        assert "Partner tier" in admin.get(where, {"q": "TIER"}).text
        assert "Industry" not in admin.get(where, {"q": "tier"}).text
        assert "mapped already" in admin.get(where, {"q": "ind", "m-salesforce": ["Industry"]}).text
        assert "no such field" in admin.get(where, {"q": "zzz"}).text
        create("account", "Segment", "picklist")
        local = admin.get(address(connection, "accounts", "object-abmatic-fields"), {"q": "seg"}).text
        assert "custom_segment" in local
        assert "New field…" in local

    def test_a_row_comes_back(self, admin: Client, connection: Connection) -> None:
        made = create("account", "Segment", "picklist")
        answer = self.post(admin, connection, salesforce="Tier__c", abmatic=made.name, to_salesforce="overwrite",
                           to_abmatic="fill")  # fmt: skip
        assert answer.headers["HX-Trigger-After-Swap"] == "mapping-added"
        for words in ("Partner tier", "Segment", "Sync both ways", 'value="Tier__c"'):
            assert words in answer.text
        assert not FieldMapping.objects.filter(sf_field="Tier__c").exists(), "it is saved with the others"

    def test_a_new_field_is_made(self, admin: Client, alice: User, connection: Connection) -> None:
        answer = self.post(admin, connection, salesforce="Tier__c", abmatic="", new_label="Tier", new_type="text")
        assert 'value="custom_tier"' in answer.text
        assert admin.get(address(connection)).text.count("custom_tier") > 0, "the filter offers it"

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ({"salesforce": "", "abmatic": "city"}, "Choose a Salesforce field"),
            ({"salesforce": "Gone__c", "abmatic": "city"}, "has no field Gone__c"),
            ({"salesforce": "Tier__c", "abmatic": ""}, "Choose an Abmatic field"),
            ({"salesforce": "Tier__c", "abmatic": "nothing"}, "is not known"),
            ({"salesforce": "Tier__c", "abmatic": "city", "m-abmatic": ["city"]}, "city is mapped already"),
            ({"salesforce": "Tier__c", "abmatic": "city", "m-salesforce": ["Tier__c"]}, "Tier__c is mapped already"),
            ({"salesforce": "Tier__c", "abmatic": "", "new_label": "City", "new_type": "text"}, "a field City already"),
            ({"salesforce": "Tier__c", "abmatic": "", "new_label": "X", "new_type": "email"}, "no type of a field"),
        ],
    )
    def test_what_can_not_be_added_is_said_in_the_dialog(
        self, admin: Client, connection: Connection, data: dict[str, Any], said: str
    ) -> None:
        answer = self.post(admin, connection, **data)
        assert answer.headers["HX-Retarget"] == "#mapping-refused"
        assert said in answer.text

    def test_what_is_to_be_said_of_a_mapping_is_in_its_row(self, admin: Client, connection: Connection) -> None:
        setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
        FieldMapping.objects.filter(setting=setting, sf_field="BillingCity").update(sf_field="Score__c")
        page = admin.get(address(connection)).text
        assert "A formula: Salesforce works it out" in page
        assert "has no field AnnualRevenue that the connected user may read" in page

    def test_the_org_is_asked_again(
        self, admin: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any, **options: Any) -> None:
            raise org_fields.NotKnown("Salesforce can't be reached.")

        monkeypatch.setattr(org_fields, "offered", refuse)
        for name in ("object-notes", "object-salesforce-fields"):
            where = address(connection, "accounts", name)
            answer = admin.post(where, {"again": "1"}) if name == "object-notes" else admin.get(where)
            assert "Salesforce can&#x27;t be reached." in answer.text


class TestSyncing:
    def test_a_sync_starts_where_the_button_was(self, oscar: User, signed_in: SignedIn, connection: Connection) -> None:
        browser = signed_in(oscar)
        answer = browser.post(address(connection, "leads", "object-sync"))
        run = Run.objects.get()
        assert (run.sobject, run.started_by, run.state) == ("Lead", oscar, "queued")
        assert "Waiting for a worker" in answer.text
        assert "every 2s" in answer.text
        again = browser.post(address(connection, "leads", "object-sync"))
        assert "queued or running already" in again.text
        runs.cancel(run)
        over = browser.get(address(connection, "leads", "object-panel")).text
        assert "every 2s" not in over
        assert "Sync Leads Manually" in over
        assert "Cancelled" in over

    def test_a_preview_is_asked_for_watched_and_shown(
        self, oscar: User, signed_in: SignedIn, connection: Connection
    ) -> None:
        browser = signed_in(oscar)
        assert "Waiting for a worker" in browser.post(address(connection, "accounts", "object-preview")).text
        job = PreviewJob.objects.get()
        where = address(connection, "accounts", "object-preview-job", job.pk)
        PreviewJob.objects.update(state="running", records=5000, looked_at=2000)
        assert "Looked at 2,000 of 5,000 records" in browser.get(where).text
        sample = {"name": "<b>Acme</b>", "local_id": 1, "sf_id": "001x", "code": "",
                  "fields": {"city": {"before": None, "after": "Graz"}}}  # fmt: skip
        held = {"name": "Held", "local_id": 2, "sf_id": None, "code": "REQUIRED_FIELD_MISSING", "fields": {"X": {}}}
        found = {"records": 5000, "looked_at": 5000, "is_complete": True, "to_abmatic": {"created": 0, "updated": 40},
                 "to_salesforce": {"created": 1, "updated": 0, "held": 1}, "calls_of_run": 9, "calls_made": 4,
                 "notes": ["A note."], "samples": {"to_abmatic": {"updated": [sample]},
                                                   "to_salesforce": {"held": [held]}}}  # fmt: skip
        PreviewJob.objects.update(state="done", found=found)
        page = browser.get(where).text
        for words in ("Update <b>40</b>", "&lt;b&gt;Acme&lt;/b&gt;", "City", "Graz", "The first 1 of 40", "A note.",
                      "About 9 API calls", "itself used 4", "Hold back"):  # fmt: skip
            assert words in page, words
        PreviewJob.objects.update(found={**found, "is_complete": False, "looked_at": 2000, "to_salesforce": None})
        assert "Too many to count exactly: 2,000 of 5,000" in browser.get(where).text

    def test_a_preview_that_fails_or_is_given_up(
        self, oscar: User, signed_in: SignedIn, connection: Connection
    ) -> None:
        browser = signed_in(oscar)
        job = PreviewJob.objects.create(connection=connection, sobject="Account")
        where = address(connection, "accounts", "object-preview-job", job.pk)
        assert "No preview." in browser.post(where).text
        PreviewJob.objects.update(state="failed", problem="Salesforce said no.")
        page = browser.get(where).text
        assert "Salesforce said no." in page
        assert "Try again" in page
        Connection.objects.update(status="inactive")
        assert "is inactive" in browser.post(address(connection, "accounts", "object-preview")).text

    def test_another_connections_preview_is_not_shown(self, admin: Client, connection: Connection) -> None:
        job = PreviewJob.objects.create(connection=org.connect(), sobject="Account")
        assert admin.get(address(connection, "accounts", "object-preview-job", job.pk)).status_code == 404
        job = PreviewJob.objects.create(connection=connection, sobject="Lead")
        assert admin.get(address(connection, "accounts", "object-preview-job", job.pk)).status_code == 404


class TestFile:
    def test_it_is_written_and_read_back(self, admin: Client, alice: User, connection: Connection) -> None:
        answer = admin.get(reverse("settings-yaml", args=[connection.pk]))
        assert answer.headers["Content-Disposition"].startswith("attachment")
        text = answer.text.replace("frequency: manual", "frequency: 24", 1)
        where = reverse("settings-file", args=[connection.pk])
        plan = admin.post(where, {"text": text})
        assert "1 changed" in plan.text
        assert "manual → 24" in plan.text
        assert not ObjectSetting.objects.filter(frequency=24).exists()
        done = admin.post(where, {"text": text, "apply": "1"}, follow=True)
        assert "Applied: 1 changed." in done.text
        assert ObjectSetting.objects.get(frequency=24).sobject == "Account"
        assert SettingsChange.objects.get().user == alice

    @pytest.mark.parametrize(
        ("text", "said"),
        [("", "Choose a file"), ("a: [", "line 1"), ("version: 1\nconnections: [{name: x}]", "x.name") ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, admin: Client, connection: Connection, text: str, said: str) -> None:
        answer = admin.post(reverse("settings-file", args=[connection.pk]), {"text": text})
        assert answer.status_code == 400
        if said != "x.name":
            assert said in answer.text
        assert "nothing was changed" in answer.text

    def test_another_connections_settings_are_refused(self, admin: Client, connection: Connection) -> None:
        other = org.connect()
        text = admin.get(reverse("settings-yaml", args=[other.pk])).text
        answer = admin.post(reverse("settings-file", args=[connection.pk]), {"text": text, "apply": "1"})
        assert answer.status_code == 400
        assert "this page changes the settings of" in answer.text


def test_what_a_frequency_costs_is_said_beside_each(admin: Client, connection: Connection) -> None:
    Run.objects.create(
        connection=connection, sobject="Lead", batch="00000000-0000-0000-0000-000000000000", trigger="schedule",
        state=Run.State.SUCCEEDED, phase=Run.Phase.DONE, api_calls=3,
    )  # fmt: skip
    page = admin.get(address(connection, "leads")).text
    for words in ("about 72 API calls a day", "about 12 API calls a day", "about 3 API calls a day",
                  "115,000 API calls a day"):  # fmt: skip
        assert words in page, words


def test_queries(admin: Client, connection: Connection, django_assert_max_num_queries: Queries) -> None:
    admin.get(address(connection))  # marks a step of the checklist, once
    offer(connection, {"name": "Tier__c", "label": "Partner tier"})
    setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
    for number in range(30):
        name = create("account", f"Field {number}", "text").name
        FieldMapping.objects.create(setting=setting, sf_field=f"F{number}__c", local_field=name, position=number + 10)
    with django_assert_max_num_queries(24):
        admin.get(address(connection))
    sent = {**form(connection), "mark": mark(admin, connection)}
    with django_assert_max_num_queries(40):
        admin.post(address(connection), {**sent, "frequency": "1"})


def test_a_preview_names_no_numbers_of_rows() -> None:
    fields = {
        "owner_id": {"before": None, "after": 2},
        "account_id": {"before": 3, "after": 4},
        "city": {"after": "Riga"},
    }
    sample = {"name": "Acme", "sf_id": "", "code": "", "fields": fields}
    (shown,) = syncing.actions([("updated", "Update")], {"updated": 1}, {"updated": [sample]}, {"city": "City"})
    told = [(one.label, one.before, one.after) for one in shown.samples[0].fields]
    assert told == [("Owner", None, "set"), ("Account", "set", "another"), ("City", None, "Riga")]
