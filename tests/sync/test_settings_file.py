"""Settings as a file: what is exported comes back unchanged, and what is wrong is named with its place in the file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sync.org import new_connection

from abmatic.audiences.fields import COMPUTED, FIELDS
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting
from abmatic.sync.objects import OBJECTS, configurable
from abmatic.sync.settings_file import Plan, PlanOutdated, export_yaml, plan_import
from abmatic.sync.settings_reading import FileRefused, mappable

pytestmark = pytest.mark.django_db

Document = dict[str, Any]


@pytest.fixture(autouse=True)
def _nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """These connections have no org behind them; what is asked of one is in test_settings_fields."""
    monkeypatch.setattr("abmatic.sync.settings_fields.notes", lambda connection, added: iter(()))


@pytest.fixture
def connection() -> Connection:
    return new_connection(name="Acme")


def exported() -> Document:
    document = yaml.safe_load(export_yaml())
    assert isinstance(document, dict)
    return document


def plan(document: Document) -> Plan:
    return plan_import(yaml.safe_dump(document, allow_unicode=True))


def problems(text: str) -> list[str]:
    with pytest.raises(FileRefused) as refused:
        plan_import(text)
    return refused.value.problems


def account_of(document: Document) -> Document:
    found: Document = document["connections"][0]["objects"]["Account"]
    return found


def setting(sobject: str = "Account") -> ObjectSetting:
    return ObjectSetting.objects.get(sobject=sobject)


# -- the way out and back


def test_an_export_holds_everything_but_secrets(connection: Connection) -> None:
    document = exported()
    (found,) = document["connections"]
    assert document["version"] == 1
    assert (found["name"], found["org_id"]) == ("Acme", "00D000000000001AAA")
    assert list(found["objects"]) == ["Account", "Contact", "Lead", "Campaign", "Opportunity"]
    account = found["objects"]["Account"]
    assert account["frequency"] == "manual"
    assert account["mappings"][1] == {
        "salesforce": "Website",
        "abmatic": "website",
        "to_abmatic": "overwrite",
        "to_salesforce": "fill",
        "clear_with_empty": False,
    }
    assert "access_token" not in export_yaml()


def test_importing_an_export_changes_nothing(connection: Connection) -> None:
    new_connection(org_id="00D000000000002AAA", name="Zweite «Org»: #1")
    assert plan(exported()).differences == ()
    assert plan(exported()).summary == "no changes"


def test_without_any_connection_there_is_an_empty_list() -> None:
    assert exported()["connections"] == []
    assert plan(exported()).differences == ()


@st.composite
def object_entries(draw: st.DrawFn) -> tuple[str, Document]:
    """An object's entry that a person might write."""
    spec = draw(st.sampled_from(configurable()))
    entry: Document = {}
    for name in ("create_in_abmatic", "update_in_abmatic", "create_in_salesforce", "update_in_salesforce", "auto_push"):
        if draw(st.booleans()):
            entry[name] = draw(st.booleans())
    if draw(st.booleans()):
        entry["frequency"] = draw(st.sampled_from(["manual", 1, 6, 12, 24]))
    if draw(st.booleans()):
        entry["conflict_policy"] = draw(st.sampled_from(["recent", "salesforce", "abmatic"]))
    if draw(st.booleans()):
        texts = st.text("äb\n'\"", min_size=1).filter(str.strip)
        asked = st.fixed_dictionaries(
            {"field": st.just(FIELDS[spec.local][0].name), "is": st.just("contains"), "value": texts}
        )
        entry["push_filter"] = draw(st.just({}) | st.fixed_dictionaries({"all": st.lists(asked, min_size=1)}))
    if draw(st.booleans()):
        entry["mappings"] = draw(mapping_lists(spec.name))
    return spec.name, entry


@st.composite
def mapping_lists(draw: st.DrawFn, sobject: str) -> list[Document]:
    spec = OBJECTS[sobject]
    key = (spec.key.sf_field, spec.key.local_field) if spec.key else None
    local = [name for name in mappable(spec) if key is None or name != key[1]]
    others = [default.sf_field for default in spec.defaults if key is None or default.sf_field != key[0]]
    targets = draw(st.lists(st.sampled_from(local), unique=True))
    sources = draw(st.permutations([*others, "Custom__c", "Other__c", "ns__More__c"]))
    pairs = list(zip(sources, targets, strict=False)) + ([key] if key else [])
    mode = st.sampled_from(["none", "fill", "overwrite"])
    return [
        {
            "salesforce": source, "abmatic": target, "to_salesforce": draw(mode),
            # What is worked out here is read from nowhere.
            "to_abmatic": "none" if target in COMPUTED else draw(mode),
            "clear_with_empty": draw(st.booleans()),
        }
        for source, target in draw(st.permutations(pairs))
    ]  # fmt: skip


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(object_entries(), min_size=1, max_size=3))
def test_what_was_imported_is_what_is_exported(connection: Connection, entries: list[tuple[str, Document]]) -> None:
    document = {"version": 1, "connections": [{"name": "Acme", "objects": dict(entries)}]}
    plan(document).apply()
    assert plan(document).differences == ()
    now = exported()["connections"][0]["objects"]
    for sobject, entry in dict(entries).items():
        assert {name: now[sobject][name] for name in entry} == entry
    assert plan(exported()).differences == ()


# -- what an import changes


def test_the_plan_says_what_is_added_changed_and_removed(connection: Connection) -> None:
    document = exported()
    account = account_of(document)
    account["frequency"] = 6
    account["mappings"][2]["to_salesforce"] = "overwrite"
    del account["mappings"][-1]
    account["mappings"].append({"salesforce": "Town__c", "abmatic": "city"})
    made = plan(document)
    told = {(each.kind, each.where.removeprefix("Acme › Account › ")) for each in made.differences}
    assert told == {
        ("changed", "frequency"),
        ("changed", "mapping Industry › to_salesforce"),
        ("added", "mapping Town__c"),
        ("removed", "mapping BillingCity"),
    }
    assert made.summary == "1 added, 2 changed, 1 removed"
    assert setting().frequency == 0, "a plan changes nothing"
    made.apply()
    assert setting().frequency == 6
    assert list(setting().mappings.values_list("sf_field", flat=True))[-1] == "Town__c"


def test_what_the_file_does_not_name_stays(connection: Connection) -> None:
    before = exported()
    plan({"version": 1, "connections": [{"name": "Acme", "objects": {"Lead": {"auto_push": True}}}]}).apply()
    after = exported()
    assert after["connections"][0]["objects"]["Lead"].pop("auto_push") is True
    before["connections"][0]["objects"]["Lead"].pop("auto_push")
    assert after == before


def test_two_mappings_exchange_their_fields_in_one_go(connection: Connection) -> None:
    document = exported()
    mappings = account_of(document)["mappings"]
    mappings[0]["abmatic"], mappings[2]["abmatic"] = mappings[2]["abmatic"], mappings[0]["abmatic"]
    plan(document).apply()
    assert exported() == document


def test_a_mapping_that_stays_keeps_what_is_known_of_it(connection: Connection) -> None:
    FieldMapping.objects.filter(setting=setting(), sf_field="Industry").update(broken="no such field")
    document = exported()
    account_of(document)["mappings"][2]["to_abmatic"] = "fill"
    plan(document).apply()
    kept = FieldMapping.objects.get(setting=setting(), sf_field="Industry")
    assert (kept.to_abmatic, kept.broken) == ("fill", "no such field")


def test_a_connection_is_found_by_its_org_and_renamed(connection: Connection) -> None:
    document = exported()
    document["connections"][0] |= {"name": "Acme Europe", "org_id": "00D000000000001"}
    plan(document).apply()
    connection.refresh_from_db()
    assert connection.name == "Acme Europe"
    assert Connection.objects.count() == 1


def test_how_a_connection_signs_in_is_left_alone_and_said(connection: Connection) -> None:
    document = exported()
    document["connections"][0]["client_id"] = "another"
    made = plan(document)
    assert made.differences == ()
    assert "client_id stay as set here" in made.notes[0]


def test_an_unknown_connection_is_added_without_secrets() -> None:
    new = {"name": "New", "org_id": "00D000000000009AAA", "login_url": "https://test.salesforce.com", "flow": "web"}
    new |= {"client_id": "key", "objects": {"Contact": {"create_in_abmatic": False}}}
    made = plan({"version": 1, "connections": [new]})
    assert [each.kind for each in made.differences] == ["added", "changed"]
    made.apply()
    (added,) = Connection.objects.all()
    assert added.status == Connection.Status.INACTIVE
    assert not setting("Contact").create_in_abmatic
    assert setting("Account").mappings.count() == len(OBJECTS["Account"].defaults)
    assert plan({"version": 1, "connections": [new]}).differences == ()


def test_settings_changed_meanwhile_are_not_overwritten(connection: Connection) -> None:
    document = exported()
    account_of(document)["frequency"] = 6
    made = plan(document)
    ObjectSetting.objects.filter(sobject="Account").update(frequency=24)
    with pytest.raises(PlanOutdated):
        made.apply()
    assert setting().frequency == 24


# -- what is refused, and how it is said


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("frequency", 5, "5 is no frequency: say manual, or every how many hours (1, 6, 12, 24)"),
        ("frequency", True, "True is no frequency: say manual, or every how many hours (1, 6, 12, 24)"),
        ("auto_push", "yes", "must be true or false, and is text"),
        ("conflict_policy", "newest", "'newest' is not known; known are recent, salesforce, abmatic"),
        ("push_filter", [], "must be a mapping, and is a list"),
        ("push_filter", {"a": float("nan")}, "may hold texts, numbers, true, false, null, lists and mappings only"),
        ("push_filter", {"a": "\0"}, "may hold texts, numbers, true, false, null, lists and mappings only"),
        ("push_filter", {"a": 1}, 'the condition must have "field", or one of "all", "any", "not"'),
        ("push_filter", {"all": []}, "all must be a list of at least one condition"),
        ("mappings", {}, "must be a list, and is a mapping"),
    ],
)
def test_a_bad_setting(connection: Connection, path: str, value: object, problem: str) -> None:
    document = exported()
    account_of(document)[path] = value
    text = yaml.safe_dump(document)
    assert f"connections[0].objects.Account.{path}: {problem}" in problems(text)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"abmatic": "zip"}, "mappings[0].abmatic: 'zip' is not known; known are name, website, industry,"),
        ({"abmatic": "website"}, "mappings[1].abmatic: 'website' is there twice"),
        ({"abmatic": 3}, "mappings[0].abmatic: must be text, and is a number (quotes make it text)"),
        ({"abmatic": None}, "mappings[0].abmatic: is missing"),
        ({"salesforce": "website"}, "mappings[1].salesforce: 'website' is there twice"),
        ({"salesforce": "Drop Table"}, "mappings[0].salesforce: 'Drop Table' is no API name of a field"),
        ({"to_abmatic": "both"}, "mappings[0].to_abmatic: 'both' is not known; known are none, fill, overwrite"),
        ({"clear_with_empty": 1}, "mappings[0].clear_with_empty: must be true or false, and is a number"),
        ({"mode": "fill"}, "mappings[0].mode: is not known; known are salesforce, abmatic, to_abmatic,"),
    ],
)
def test_a_bad_mapping(connection: Connection, change: Document, problem: str) -> None:
    document = exported()
    account_of(document)["mappings"][0] |= change
    found = problems(yaml.safe_dump(document))
    assert any(each.startswith(f"connections[0].objects.Account.{problem}") for each in found), found


def test_the_primary_key_stays(connection: Connection) -> None:
    document = exported()
    account_of(document)["mappings"] = [m for m in account_of(document)["mappings"] if m["salesforce"] != "Website"]
    (problem,) = problems(yaml.safe_dump(document))
    assert problem.startswith("connections[0].objects.Account.mappings: Website (to website) is the primary key of")


def test_a_field_that_describes_the_record_is_not_offered(connection: Connection) -> None:
    document = exported()
    opportunity = document["connections"][0]["objects"]["Opportunity"]
    opportunity["mappings"][0]["abmatic"] = "is_won"
    assert "'is_won' is not known" in problems(yaml.safe_dump(document))[0]


def test_everything_wrong_is_said_at_once(connection: Connection) -> None:
    document = exported()
    document["extra"] = 1
    document["connections"][0] |= {"flow": "magic", "org_id": "001"}
    document["connections"][0]["objects"]["Case"] = {}
    account_of(document)["frequency"] = 5
    places = [each.split(":")[0] for each in problems(yaml.safe_dump(document))]
    assert places == [
        "extra",
        "connections[0].org_id",
        "connections[0].flow",
        "connections[0].objects.Case",
        "connections[0].objects.Account.frequency",
    ]


def test_connections_that_clash(connection: Connection) -> None:
    other = {"login_url": "https://login.salesforce.com", "flow": "web", "client_id": "k"}
    same_name = {"version": 1, "connections": [{"name": "Acme", "org_id": "00D000000000777AAA", **other}]}
    assert "is the name of a connection to another org" in problems(yaml.safe_dump(same_name))[0]
    twice = {"version": 1, "connections": [{"name": "Acme"}, {"name": "B", "org_id": "00D000000000001AAA"}]}
    assert problems(yaml.safe_dump(twice)) == ["connections[1]: is the same connection as connections[0]"]


def test_a_new_connection_needs_to_know_how_to_sign_in_and_where() -> None:
    elsewhere = {"name": "New", "flow": "web", "login_url": "https://salesforce.evil.example"}
    places = [each.split(":")[0] for each in problems(yaml.safe_dump({"version": 1, "connections": [elsewhere]}))]
    assert places == ["connections[0].client_id", "connections[0].login_url"]


def test_an_alias_may_say_a_thing_again(connection: Connection) -> None:
    text = export_yaml().replace("objects:", "objects: &all", 1)
    twin = (
        "\n- {name: Twin, org_id: 00D000000000009AAA, login_url: https://login.salesforce.com, flow: web, client_id: k"
    )
    found = plan_import(f"{text.rstrip()}{twin}, objects: *all}}\n")
    assert "Twin" in found.differences[0].where


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file: must be a mapping with version and connections, and is empty"),
        ("version: 2", "version: is 2; this release reads version 1"),
        ("connections: []", "version: is missing; this release reads version 1"),
        ("version: 1\nconnections: {}", "connections: must be a list, and is a mapping"),
        ("version: 1\nconnections: [3]", "connections[0]: must be a mapping with name and org_id"),
        ("version: 1\nconnections: [", "line 2, column 15: expected the node content"),
        ("version: 1\nversion: 1", "line 2, column 1: the key 'version' is there twice"),
        ("version: !!python/object/apply:os.getcwd []", "line 1, column 10: could not determine a constructor"),
        ("version: 2026-99-99", "the file: month must be in 1..12"),
        ("[" * 100_000, "the file: it is nested too deeply"),
        ("a: \x07", "the file: unacceptable character #x0007"),
        ("a: &a [*a, *a]", "line 1, column 4: an alias stands within itself"),
        (
            "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60)),
            "line 6, column 5: aliases repeat more than 20,000 values; write out what is meant",
        ),
    ],
)
def test_a_file_that_is_none(text: str, problem: str) -> None:
    found = problems(text)
    assert found[0].startswith(problem), found
