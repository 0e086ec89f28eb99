"""The demo's tour notices what really happened, and nothing that did not: over the wire, against a whole org."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from tests.sync.live import Live, Orgs
from tests.sync.test_push import edit

from abmatic.audiences.models import Account
from abmatic.identity.models import User
from abmatic.sync import issues, runs, settings_history
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, FieldMapping, Issue, ObjectSetting, Run, Tour
from abmatic.sync.settings_history import Author
from abmatic.sync.tour import allowing, going, proofs, steps
from abmatic.sync.tour.proofs import STEPS, Proof
from abmatic.sync.tour.rule import VALIDATION_RULE
from abmatic.sync.tour.steps import Look

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.org.store.put_rules({"validation_rules": [VALIDATION_RULE]})
    live.sync_well()
    return live


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user("alice@example.com", role="administrator")


@pytest.fixture
def tour(live: Live, person: User) -> Tour:
    return going.start(person)


def look(tour: Tour) -> Look:
    tour.refresh_from_db()
    found = steps.look(tour)
    assert found is not None
    return found


def phase(tour: Tour) -> str:
    return look(tour).seen.phase


def done(tour: Tour) -> Proof:
    """What was seen of the step; moves on."""
    seen = look(tour).seen
    assert (seen.phase, seen.proof is not None) == ("done", True), seen
    going.go_on(tour)
    assert seen.proof is not None
    return seen.proof


def at(tour: Tour, step: str) -> None:
    """As though the steps before had been skipped."""
    while tour.step != step:
        going.skip(tour)


def here(tour: Tour, **values: Any) -> None:
    edit(Account.objects.get(pk=tour.account_id), **values)


def there(live: Live, tour: Tour, **values: Any) -> None:
    link = look(tour).link
    assert link is not None
    # Nobody is so quick: within one second its stamps can't tell an edit from what was just written there.
    live.org.store.set_clock(by=1)
    with live.editing() as session:
        session.update("Account", link.sf_id, values)


def allow(tour: Tour, person: User) -> None:
    allowing.allow(tour.connection, Author(person))


def modes() -> set[tuple[str, str]]:
    """What is written to Salesforce of accounts, and how."""
    return set(FieldMapping.objects.filter(setting__sobject="Account").values_list("sf_field", "to_salesforce"))


def sync(live: Live) -> Run:
    return live.sync_well("Account")["Account"]


def test_it_is_about_an_account_that_the_rule_leaves_room_for(tour: Tour) -> None:
    assert Account.objects.get(pk=tour.account_id).name == "Edge Communications"


def test_two_people_do_not_get_into_each_others_way(tour: Tour, live: Live) -> None:
    assert going.start(User.objects.create_user("oscar@example.com")).account_id != tour.account_id


def test_nothing_to_tour_yet(person: User) -> None:
    with pytest.raises(going.NotReady, match="Import them first"):
        going.start(person)


def test_all_five_steps(tour: Tour, live: Live, person: User) -> None:
    # 1. A change arrives.
    assert phase(tour) == "act"
    there(live, tour, Industry="Banking")
    assert phase(tour) == "act"
    run = sync(live)
    proof = done(tour)
    assert (proof.run, proof.field, proof.before, proof.after) == (run.pk, "Industry", "Electronics", "Banking")

    # 2. Edit here, see it there.
    assert phase(tour) == "allow"
    allow(tour, person)
    assert phase(tour) == "act"
    here(tour, city="Dallas")
    assert phase(tour) == "waiting"
    run = sync(live)
    proof = done(tour)
    assert (proof.run, proof.field, proof.before, proof.after) == (run.pk, "City", "Austin", "Dallas")

    # 3. A conflict.
    assert phase(tour) == "act"
    there(live, tour, BillingCity="Houston")
    here(tour, city="Waco")
    run = sync(live)
    proof = done(tour)
    assert (proof.run, proof.won, proof.policy) == (run.pk, "Abmatic", "Most recent change")
    assert proof.said.startswith("Salesforce: Houston · Abmatic: Waco · ")
    assert live.rows('SELECT "BillingCity" FROM "Account" WHERE "Name" = ?', "Edge Communications") == [("Waco",)]

    # 4. A validation rule says no.
    assert phase(tour) == "act"
    here(tour, employee_count=12_000)
    refused = sync(live)
    found = look(tour).seen
    assert (found.phase, found.issue and found.issue.message) == ("refused", VALIDATION_RULE["errorMessage"])
    there(live, tour, Site="Headquarters")
    issues.retry_all(issues.Filter(tour.connection))
    assert phase(tour) == "retrying"
    run = sync(live)
    proof = done(tour)
    assert (proof.run, proof.first_run, proof.field) == (run.pk, refused.pk, "Employees")
    assert (proof.before, proof.after, proof.said) == (1_000, 12_000, VALIDATION_RULE["errorMessage"])

    # 5. Undo.
    seen = look(tour).seen
    assert (seen.phase, seen.run) == ("act", run)
    undoing = runs.undo(run)
    assert phase(tour) == "running"
    execute(undoing.pk)
    proof = done(tour)
    assert (proof.run, proof.first_run, proof.field) == (undoing.pk, run.pk, "Employees")
    assert (proof.before, proof.after, proof.won) == (12_000, 1_000, "Salesforce")
    assert tour.step == Tour.Step.OVER
    assert (look(tour).done, phase(tour)) == (len(STEPS), "writing")


def test_every_look_costs_the_same_few_queries(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    for step in STEPS:
        at(tour, step)
        here(tour, city=f"Town {step}")
        for _ in range(3):
            sync(live)
        with CaptureQueriesContext(database) as captured:
            look(tour)
        assert len(captured) <= 14, [query["sql"] for query in captured]


def test_what_was_before_the_step_does_not_count(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    there(live, tour, Industry="Banking")
    here(tour, city="Dallas")
    sync(live)
    going.skip(tour)  # only now does the second step begin
    assert tour.step == Tour.Step.EDIT
    assert phase(tour) == "act"


def test_what_happened_to_another_account_does_not_count(tour: Tour, live: Live) -> None:
    with live.editing() as session:
        ((other,),) = live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', "GenePoint")
        session.update("Account", other, {"Industry": "Banking"})
    run = sync(live)
    seen = look(tour).seen
    assert (seen.phase, seen.run) == ("nothing", run)


def test_a_sync_that_fails_is_said(tour: Tour, live: Live) -> None:
    live.start("Account")
    Run.objects.filter(connection=live.connection, sobject="Account").update(state=Run.State.FAILED)
    assert phase(tour) == "failed"


def test_an_edit_of_a_field_that_may_not_be_written(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    at(tour, Tour.Step.EDIT)
    here(tour, industry="Banking")
    sync(live)
    assert phase(tour) == "nothing"


def test_one_side_after_the_other_is_no_conflict(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    at(tour, Tour.Step.CONFLICT)
    there(live, tour, BillingCity="Houston")
    sync(live)
    assert phase(tour) == "passed"
    here(tour, city="Waco")
    sync(live)
    assert phase(tour) == "passed"
    there(live, tour, BillingCity="Laredo")
    here(tour, city="Tyler")
    sync(live)
    assert done(tour).said.startswith("Salesforce: Laredo · Abmatic: Tyler · ")


def test_salesforce_may_win(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    ObjectSetting.objects.filter(sobject="Account").update(policy=ObjectSetting.Policy.SALESFORCE)
    at(tour, Tour.Step.CONFLICT)
    there(live, tour, BillingCity="Houston")
    here(tour, city="Waco")
    sync(live)
    proof = done(tour)
    assert (proof.won, proof.policy) == ("Salesforce", "Salesforce")
    assert Account.objects.get(pk=tour.account_id).city == "Houston"


def test_a_number_that_the_rule_allows_is_taken(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    at(tour, Tour.Step.REFUSAL)
    here(tour, employee_count=12)
    run = sync(live)
    seen = look(tour).seen
    assert (seen.phase, seen.run) == ("accepted", run)


def test_taking_the_value_back_settles_a_refusal_as_well(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    at(tour, Tour.Step.REFUSAL)
    here(tour, employee_count=12_000)
    sync(live)
    assert phase(tour) == "refused"
    here(tour, employee_count=1_000)
    sync(live)
    assert not Issue.objects.filter(is_open=True).exists()
    assert done(tour).field == ""


def test_an_undo_that_puts_nothing_back_is_none(tour: Tour, live: Live, person: User) -> None:
    allow(tour, person)
    at(tour, Tour.Step.UNDO)
    execute(runs.undo(sync(live)).pk)
    assert phase(tour) == "nothing"


def test_an_account_that_is_gone_makes_place_for_another(tour: Tour, live: Live) -> None:
    link = look(tour).link
    assert link is not None
    with live.editing() as session:
        session.delete("Account", link.sf_id)
    sync(live)
    found = look(tour)
    assert found.account.name == "Burlington Textiles Corp of America"
    assert found.tour.account_id == found.account.pk
    assert found.seen.phase == "act"


def test_a_lost_connection_is_said(tour: Tour) -> None:
    Connection.objects.update(status=Connection.Status.NEEDS_ATTENTION)
    assert phase(tour) == "lost"


def test_allowing_changes_what_it_says_and_is_written_down(tour: Tour, person: User) -> None:
    before = {
        mapping.sf_field: mapping.to_salesforce for mapping in FieldMapping.objects.filter(setting__sobject="Account")
    }
    allow(tour, person)
    setting = ObjectSetting.objects.get(sobject="Account")
    assert (setting.update_in_salesforce, setting.auto_push, setting.create_in_salesforce) == (True, True, False)
    after = {
        mapping.sf_field: mapping.to_salesforce for mapping in FieldMapping.objects.filter(setting__sobject="Account")
    }
    assert {name for name in after if after[name] != before[name]} == {"BillingCity", "NumberOfEmployees"}
    (entry,) = settings_history.latest(tour.connection, "Account", 5)
    assert entry.user == person
    allow(tour, person)
    assert len(settings_history.latest(tour.connection, "Account", 5)) == 1, "once more changes nothing"


def test_a_mapping_that_was_removed_is_added_again(tour: Tour, person: User) -> None:
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="BillingCity").delete()
    allow(tour, person)
    setting = ObjectSetting.objects.get(sobject="Account")
    assert allowing.is_allowed(setting)


def test_putting_it_aside_and_starting_again(tour: Tour, live: Live, person: User) -> None:
    there(live, tour, Industry="Banking")
    sync(live)
    done(tour)
    going.hide(tour)
    going.show(tour)
    again = going.of(person)
    assert again is not None
    assert (again.step, again.is_hidden) == (Tour.Step.EDIT, False)
    assert proofs.of(again, Tour.Step.ARRIVAL) is not None
    afresh = going.start(person)
    assert (afresh.step, afresh.proofs) == (Tour.Step.ARRIVAL, {})
    assert afresh.account_id != tour.account_id
    assert phase(afresh) == "act"


def test_a_step_that_is_not_done_is_not_left_but_by_skipping(tour: Tour) -> None:
    going.go_on(tour)
    assert tour.step == Tour.Step.ARRIVAL
    going.skip(tour)
    assert tour.step == Tour.Step.EDIT
    skipped = proofs.of(tour, Tour.Step.ARRIVAL)
    assert skipped is not None
    assert skipped.is_skipped
