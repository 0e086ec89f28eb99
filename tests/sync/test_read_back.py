"""No tug-of-war with Salesforce's own automation: what a flow makes of our value is not written over for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.sync.models import Finding, MirrorAccount, Run, Write

pytestmark = pytest.mark.django_db(transaction=True)

REASON = "changed_after_save"


def flow(live: Live, field: str, formula: str, **more: Any) -> None:
    assignment = {"field": field, "formula": formula}
    made = {"object": "Account", "fullName": f"Flow_{field}", "assignments": [assignment], **more}
    live.org.store.put_rules({"before_save_flows": [made]})


def rep(live: Live) -> str:
    """Somebody else than the connected user."""
    ((found,),) = live.rows(
        'SELECT "Id" FROM "User" WHERE "IsActive" = 1 AND "Id" <> ? ORDER BY "Id" LIMIT 1', live.connection.user_id
    )
    return str(found)


def rep_edits(live: Live, **values: Any) -> None:
    with live.org.store.session(rep(live)) as session:
        session.update("Account", account(live, "GenePoint")["Id"], values)
    next_second(live)


def next_second(live: Live) -> None:
    """Stamps are whole seconds: what happens in one of them can't be told apart, and is looked at once more."""
    live.org.store.set_clock(by=1)


def entries(run: Run) -> list[tuple[str, str | None]]:
    return list(Finding.objects.filter(run=run, reason=REASON).values_list("field", "value"))


def sent() -> list[dict[str, Any]]:
    return list(Write.objects.order_by("pk").values_list("sent", flat=True))


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    allow("Account")
    mode("Account", "BillingCity", to_abmatic="none", to_salesforce="overwrite")
    live.sync_well("Account")
    Write.objects.all().delete()
    return live


def write_city(live: Live, city: str) -> Account:
    record = Account.objects.get(name="GenePoint")
    edit(record, city=city)
    sync(live)
    return record


def sync(live: Live) -> Run:
    next_second(live)
    return live.sync_well("Account", full=False)["Account"]


@pytest.mark.parametrize("update", [True, False])
@pytest.mark.parametrize("to_abmatic", ["none", "fill"])
def test_what_a_flow_changes_is_sent_once_and_explained_once(live: Live, to_abmatic: str, update: bool) -> None:
    allow("Account", update_in_abmatic=update)
    mode("Account", "BillingCity", to_abmatic=to_abmatic)
    live.sync_well("Account")
    flow(live, "BillingCity", "UPPER(BillingCity)")
    before = Write.objects.count()
    record = write_city(live, "Graz")
    run = sync(live)
    assert entries(run) == [("BillingCity", "Sent: Graz · Came back: GRAZ")]
    assert run.pushed["updated"] == 0
    for _ in range(3):
        run = sync(live)
        assert (entries(run), run.pushed["updated"]) == ([], 0)
    assert live.sync_well("Account", full=True)["Account"].pushed["updated"] == 0
    assert Write.objects.count() == before + 1
    record.refresh_from_db()
    assert (record.city, account(live, "GenePoint")["BillingCity"]) == ("Graz", "GRAZ")


def test_another_value_here_is_sent_and_held_to_anew(live: Live) -> None:
    flow(live, "BillingCity", "UPPER(BillingCity)")
    record = write_city(live, "Graz")
    sync(live)
    edit(record, city="Linz")
    assert sync(live).pushed["updated"] == 1
    run = sync(live)
    assert (entries(run), run.pushed["updated"]) == ([("BillingCity", "Sent: Linz · Came back: LINZ")], 0)
    # What somebody sees as another value and the flow does not: back to the first one.
    edit(record, city="Graz")
    sync(live)
    sync(live)
    assert sync(live).pushed["updated"] == 0
    assert sent() == [{"BillingCity": "Graz"}, {"BillingCity": "Linz"}, {"BillingCity": "Graz"}]


def test_somebody_elses_change_in_salesforce_ends_it(live: Live) -> None:
    flow(live, "BillingCity", "UPPER(BillingCity)")
    write_city(live, "Graz")
    sync(live)
    rep_edits(live, BillingCity="Wien")
    assert sync(live).pushed["updated"] == 1
    run = sync(live)
    assert (len(entries(run)), run.pushed["updated"]) == (1, 0)
    assert sync(live).pushed["updated"] == 0
    assert account(live, "GenePoint")["BillingCity"] == "GRAZ"


def test_an_edit_between_our_write_and_the_next_run_is_no_automation(live: Live) -> None:
    write_city(live, "Graz")
    rep_edits(live, BillingCity="Wien")
    run = sync(live)
    assert (entries(run), run.pushed["updated"]) == ([], 1)
    assert account(live, "GenePoint")["BillingCity"] == "Graz"


def test_the_connected_users_own_edit_after_the_answer_is_no_automation(live: Live) -> None:
    """A small org: its administrator connected it, and works in it."""
    write_city(live, "Graz")
    mirror = MirrorAccount.objects.get(sf_id=account(live, "GenePoint")["Id"])
    assert mirror.sent is not None
    until = datetime.fromisoformat(mirror.sent["until"])
    live.org.store.clock.change(to=until + timedelta(seconds=1))
    with live.org.store.session(live.connection.user_id) as session:
        session.update("Account", mirror.sf_id, {"BillingCity": "Wien"})
    run = sync(live)
    assert (entries(run), run.pushed["updated"]) == ([], 1)
    assert account(live, "GenePoint")["BillingCity"] == "Graz"


def test_automation_that_comes_later_and_as_somebody_else_is_seen_by_the_third_time(live: Live) -> None:
    write_city(live, "Graz")
    pushed = []
    for _ in range(4):
        rep_edits(live, BillingCity="GRAZ")
        run = sync(live)
        pushed.append((run.pushed["updated"], len(entries(run))))
    assert pushed == [(1, 0), (1, 0), (0, 1), (0, 0)]


def test_what_is_emptied_after_each_save_keeps_its_value_here(live: Live) -> None:
    flow(live, "BillingCity", "''")
    mode("Account", "BillingCity", to_abmatic="fill", to_salesforce="overwrite")
    live.sync_well("Account")
    record = write_city(live, "Graz")
    for _ in range(3):
        sync(live)
    record.refresh_from_db()
    assert (record.city, account(live, "GenePoint")["BillingCity"]) == ("Graz", None)
    assert len([each for each in sent() if each.get("BillingCity") == "Graz"]) == 1


@pytest.mark.parametrize(("to_abmatic", "to_salesforce"), [("fill", "fill"), ("overwrite", "fill")])
def test_a_filled_field_that_is_emptied_is_filled_once(live: Live, to_abmatic: str, to_salesforce: str) -> None:
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"BillingCity": None})
    mode("Account", "BillingCity", to_abmatic="overwrite", to_salesforce="none")
    live.sync_well("Account")
    flow(live, "BillingCity", "''")
    mode("Account", "BillingCity", to_abmatic=to_abmatic, to_salesforce=to_salesforce)
    record = write_city(live, "Graz")
    for _ in range(3):
        run = sync(live)
    record.refresh_from_db()
    assert (record.city, account(live, "GenePoint")["BillingCity"]) == ("Graz", None)
    assert (sent(), run.pushed["updated"]) == ([{"BillingCity": "Graz"}], 0)
    assert Finding.objects.filter(reason=REASON).count() == 1


def test_where_both_overwrite_the_value_that_came_back_is_taken(live: Live) -> None:
    mode("Account", "BillingCity", to_abmatic="overwrite", to_salesforce="overwrite")
    live.sync_well("Account")
    flow(live, "BillingCity", "UPPER(BillingCity)")
    record = write_city(live, "Graz")
    sync(live)
    record.refresh_from_db()
    assert record.city == "GRAZ"
    assert sync(live).pushed["updated"] == 0
    assert not Finding.objects.filter(reason=REASON).exists()


def test_a_number_that_is_rounded(live: Live) -> None:
    mode("Account", "NumberOfEmployees", to_abmatic="none", to_salesforce="overwrite")
    live.sync_well("Account")
    Write.objects.all().delete()
    flow(live, "NumberOfEmployees", "ROUND(NumberOfEmployees, -3)")
    record = Account.objects.get(name="GenePoint")
    edit(record, employee_count=1234567)
    for _ in range(4):
        sync(live)
    assert sent() == [{"NumberOfEmployees": 1234567}]


def test_a_blank_around_the_value_here_does_not_hide_that_it_is_the_same(live: Live) -> None:
    flow(live, "BillingCity", "UPPER(BillingCity)")
    record = write_city(live, "  Graz ")
    for _ in range(3):
        sync(live)
    assert sent() == [{"BillingCity": "Graz"}]
    edit(record, city="Graz")
    sync(live)
    assert len(sent()) == 2, "a change here is a change"


def test_a_new_record_that_salesforce_changes(live: Live) -> None:
    mode("Account", "Industry", to_abmatic="fill", to_salesforce="overwrite", clear_with_empty=True)
    live.sync_well("Account")
    Write.objects.all().delete()
    flow(live, "BillingCity", "UPPER(BillingCity)")
    flow(live, "Industry", "'Banking'", filterFormula="ISBLANK(TEXT(Industry))")
    made = Account.objects.create(name="Acme", website="https://acme.example", domain="acme.example", city="Graz")
    edit(made, city="Linz")
    # The record is newer than the run that makes it, as ever: the clock of the org is behind in these tests.
    live.at_call("composite/sobjects", lambda: live.org.store.clock.change(by=15))
    for _ in range(5):
        run = sync(live)
    assert run.pushed["updated"] == 0
    # Made once; then the empty field is emptied, which the org fills again.
    assert [write.sent for write in Write.objects.order_by("pk")] == [
        {"Name": "Acme", "Website": "https://acme.example", "BillingCity": "Linz"}, {"Industry": None},
    ]  # fmt: skip
    assert sorted(Finding.objects.filter(reason=REASON).values_list("field", flat=True)) == ["BillingCity", "Industry"]


def test_by_bulk_as_well(live: Live, orgs: Orgs) -> None:
    orgs.allow(rest_limit=1)
    flow(live, "BillingCity", "UPPER(BillingCity)")
    for record in Account.objects.all()[:5]:
        edit(record, city="Graz")
    assert sync(live).pushed["updated"] == 5
    run = sync(live)
    assert (len(entries(run)), run.pushed["updated"]) == (5, 0)
    assert sync(live).pushed["updated"] == 0
