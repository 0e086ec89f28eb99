"""One object's settings, changed by a person: judged like a file, never written over unseen, and remembered."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web import org

from abmatic.audiences.custom_fields import create
from abmatic.identity.models import Role, User
from abmatic.sync import settings_edit, settings_file, settings_history
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting
from abmatic.sync.objects import OBJECTS
from abmatic.sync.settings_edit import Outdated
from abmatic.sync.settings_history import Author
from abmatic.sync.settings_reading import FileRefused

pytestmark = pytest.mark.django_db
ACCOUNT = OBJECTS["Account"]


@pytest.fixture
def connection() -> Connection:
    return org.connect()


def person(name: str = "alice") -> Author:
    return Author(User.objects.create_user(f"{name}@example.com", "x" * 12, role=Role.ADMINISTRATOR, name=name))


def said(connection: Connection, **changed: Any) -> dict[str, Any]:
    """What a page would send: everything as it is, but for what is changed."""
    state = settings_edit.look(connection, ACCOUNT).state
    mappings = [
        {"salesforce": m.salesforce, "abmatic": m.abmatic, "to_abmatic": m.to_abmatic,
         "to_salesforce": m.to_salesforce, "clear_with_empty": m.clear_with_empty}
        for m in state.mappings
    ]  # fmt: skip
    return {**state.values, "mappings": mappings, **changed}


def test_what_is_changed_is_set_and_remembered(connection: Connection) -> None:
    mark, by = settings_edit.look(connection, ACCOUNT).mark, person()
    create("account", "Tier", "text")
    wanted = said(connection, update_in_salesforce=True, frequency=6)
    wanted["mappings"].append(
        {"salesforce": "Tier__c", "abmatic": "custom_tier", "to_abmatic": "overwrite", "to_salesforce": "none"}
    )
    differences = settings_edit.save(connection, ACCOUNT, wanted, mark=mark, by=by)
    assert [(d.kind, d.where) for d in differences] == [
        ("changed", "update_in_salesforce"), ("changed", "frequency"), ("added", "mapping Tier__c"),
    ]  # fmt: skip
    setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
    assert (setting.update_in_salesforce, setting.frequency, setting.create_in_abmatic) == (True, 6, True)
    assert FieldMapping.objects.get(setting=setting, sf_field="Tier__c").position == 7
    [entry] = settings_history.latest(connection, "Account", 5)
    assert entry.user == by.user
    assert entry.differences[0] == {"kind": "changed", "what": "update_in_salesforce", "before": False, "after": True}
    assert settings_history.latest(connection, "Lead", 5) == []


def test_saving_what_is_there_changes_and_remembers_nothing(connection: Connection) -> None:
    mark = settings_edit.look(connection, ACCOUNT).mark
    assert settings_edit.save(connection, ACCOUNT, said(connection), mark=mark, by=person()) == []
    assert settings_history.latest(connection, "Account", 5) == []


def test_whoever_saves_second_is_told_what_the_first_did(connection: Connection) -> None:
    mark = settings_edit.look(connection, ACCOUNT).mark
    settings_edit.save(connection, ACCOUNT, said(connection, auto_push=True), mark=mark, by=person("alice"))
    with pytest.raises(Outdated) as told:
        settings_edit.save(connection, ACCOUNT, said(connection, frequency=1), mark=mark, by=person("bob"))
    assert [(e.user.name, e.differences[0]["what"]) for e in told.value.entries if e.user] == [("alice", "auto_push")]
    assert ObjectSetting.objects.get(connection=connection, sobject="Account").frequency == 0
    now = settings_edit.look(connection, ACCOUNT).mark
    settings_edit.save(connection, ACCOUNT, said(connection, frequency=1), mark=now, by=person("carol"))
    assert ObjectSetting.objects.get(connection=connection, sobject="Account").auto_push


def test_somebody_elses_change_of_another_object_is_no_matter(connection: Connection) -> None:
    mark = settings_edit.look(connection, ACCOUNT).mark
    lead = OBJECTS["Lead"]
    settings_edit.save(
        connection, lead, {"new_people": "lead"}, mark=settings_edit.look(connection, lead).mark, by=person()
    )
    settings_edit.save(connection, ACCOUNT, said(connection, frequency=1), mark=mark, by=person("bob"))
    assert ObjectSetting.objects.get(connection=connection, sobject="Lead").new_people == "lead"


def test_each_problem_is_named_with_its_place(connection: Connection) -> None:
    wanted = said(connection, frequency=5, push_filter={"field": "city", "is": "near"}, new_people="lead")
    wanted["mappings"] = [*wanted["mappings"][:1], {"salesforce": "Tier__c", "abmatic": "custom_nothing"}]
    with pytest.raises(FileRefused) as refused:
        settings_edit.save(connection, ACCOUNT, wanted, mark=settings_edit.look(connection, ACCOUNT).mark, by=person())
    places = [problem.split(":")[0] for problem in refused.value.problems]
    assert places == ["new_people", "frequency", "push_filter", "mappings[1].abmatic", "mappings"]
    assert "Website (to website) is the primary key of Account" in refused.value.problems[-1]
    assert settings_history.latest(connection, "Account", 5) == []


@pytest.mark.parametrize("mark", ["", "nonsense", "99999999999999999999-x", "٣-x", "-"])
def test_a_mark_that_means_nothing_is_outdated(connection: Connection, mark: str) -> None:
    with pytest.raises(Outdated):
        settings_edit.save(connection, ACCOUNT, said(connection, frequency=1), mark=mark, by=person())


def test_a_file_is_remembered_as_well_and_can_be_of_one_connection(connection: Connection) -> None:
    other = org.connect(org_name="Elsewhere")
    text = settings_file.export_yaml(connection)
    assert "Elsewhere" not in text
    assert other.name not in text
    settings_file.plan_import(text.replace("frequency: manual", "frequency: 24", 1)).apply()
    [entry] = settings_history.latest(connection, "Account", 5)
    assert (entry.user, entry.by) == (None, "Command line")
    settings_file.plan_import(text.replace("api_ceiling: 80", "api_ceiling: 60")).apply(person())
    assert [d["what"] for d in settings_history.latest(connection, "", 1)[0].differences] == ["api_ceiling"]


@pytest.mark.parametrize(
    ("to_salesforce", "to_abmatic", "chip"),
    [(True, True, "Sync both ways"), (True, False, "Sync into Salesforce"), (False, True, "Sync into Abmatic"),
     (False, False, "Not syncing")],
)  # fmt: skip
def test_chips(to_salesforce: bool, to_abmatic: bool, chip: str) -> None:
    assert settings_edit.direction(to_salesforce, to_abmatic) == chip


def test_the_recommendation_for_a_first_set_up_is_what_a_connection_begins_with(connection: Connection) -> None:
    state = settings_edit.look(connection, ACCOUNT).state
    assert settings_edit.is_first_setup(state.values)
    assert not settings_edit.is_first_setup({**state.values, "create_in_salesforce": True})
