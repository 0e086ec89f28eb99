"""Open issues are told by cause and by record, and are tried again when somebody says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode
from tests.sync.test_push_sending import refuse

from abmatic.audiences.models import Account
from abmatic.postgres import sessions
from abmatic.sync import issues
from abmatic.sync.auto_push import AutoPush
from abmatic.sync.issues import Filter, NoSuchIssue
from abmatic.sync.models import Connection, Issue, Run

pytestmark = pytest.mark.django_db(transaction=True)

VALIDATION = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account")
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    live.sync_well("Account")
    return live


def refused(live: Live, *names: str) -> list[Issue]:
    """The issues of accounts whose change Salesforce refused once; it would take it now."""
    said = {"statusCode": VALIDATION, "message": "Not on a Wednesday.", "fields": ["Industry"]}
    live.org.fault(
        "status", {"method": "PATCH", "path": "/composite/sobjects"}, status=200,
        body=[{"success": False, "errors": [said]} for _ in names],
    )  # fmt: skip
    for name in names:
        edit(Account.objects.get(name=name), industry="Banking")
    live.sync_well("Account")
    return list(Issue.objects.filter(is_open=True).order_by("pk"))


def pushed(live: Live) -> dict[str, Any]:
    return live.sync_well("Account")["Account"].pushed


def made(connection: Connection, many: int = 1, **values: Any) -> list[Issue]:
    start = Issue.objects.count() + 1
    return Issue.objects.bulk_create(
        Issue(**{"connection": connection, "sobject": "Account", "local_id": start + n, "code": VALIDATION, **values})
        for n in range(many)
    )


def test_a_retried_issue_is_sent_as_it_is_and_ends(live: Live) -> None:
    (issue,) = refused(live, "GenePoint")
    assert pushed(live)["updated"] == 0
    told = issues.retry([issue.pk])
    assert (told.issues, told.by_object) == (1, {(live.connection.pk, "Account"): 1})
    assert pushed(live)["updated"] == 1
    assert account(live, "GenePoint")["Industry"] == "Banking"
    issue.refresh_from_db()
    assert (issue.is_open, issue.retry_at) == (False, None)


def test_one_that_is_refused_again_is_tried_once_and_no_more(live: Live) -> None:
    (issue,) = refused(live, "GenePoint")
    refuse(live, VALIDATION, "Still not.", times=0)
    issues.retry([issue.pk])
    assert pushed(live)["refused"] == 1
    issue.refresh_from_db()
    assert (issue.is_open, issue.retry_at, issue.times, issue.message) == (True, None, 2, "Still not.")
    live.org.emulator.calls.clear()
    assert pushed(live)["refused"] == 0
    assert not [call for call in live.org.calls() if call["method"] == "PATCH"]


def test_one_that_something_passing_kept_from_an_answer_stays_marked(live: Live) -> None:
    (issue,) = refused(live, "GenePoint")
    refuse(live, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", times=3)
    issues.retry([issue.pk])
    assert pushed(live)["returned"] == 1
    issue.refresh_from_db()
    assert issue.retry_at is not None
    assert pushed(live)["updated"] == 1


def test_a_field_that_was_left_out_is_looked_at_again(live: Live) -> None:
    record = Account.objects.get(name="GenePoint")
    edit(record, industry="x" * 300)
    live.sync_well("Account")
    (issue,) = Issue.objects.filter(is_open=True)
    assert issue.field == "Industry"
    issues.retry([issue.pk])
    live.sync_well("Account")
    issue.refresh_from_db()
    assert (issue.is_open, issue.retry_at, issue.times) == (True, None, 2), "it is still too long"
    Account.objects.filter(pk=record.pk).update(industry="Energy")
    issues.retry([issue.pk])
    assert pushed(live)["updated"] == 1
    issue.refresh_from_db()
    assert not issue.is_open


def test_all_of_a_cause_and_no_other(live: Live) -> None:
    names = ["GenePoint", "Dickenson plc"]
    found = refused(live, *names)
    (other,) = made(live.connection, code="DUPLICATE_VALUE", local_id=10**9)
    told = issues.retry_all(Filter(code=VALIDATION))
    assert told.issues == len(found) == 2
    assert pushed(live)["updated"] == 2
    assert [account(live, name)["Industry"] for name in names] == ["Banking"] * 2
    other.refresh_from_db()
    assert (other.is_open, other.retry_at) == (True, None)


def test_where_pushes_are_automatic_a_retry_starts_one_at_once(live: Live) -> None:
    (issue,) = refused(live, "GenePoint")
    allow("Account", auto_push=True)
    automatic = AutoPush()
    assert automatic.start_due() == []
    issues.retry([issue.pk])
    (run,) = automatic.start_due()
    assert (run.sobject, run.trigger) == ("Account", Run.Trigger.AUTO_PUSH)


def test_what_a_run_has_locked_is_passed_over_and_the_others_are_marked(live: Live) -> None:
    ours, theirs, last = made(live.connection, 3)
    with sessions.session("a run") as session:
        session.execute("SELECT FROM issue WHERE id = %s FOR UPDATE", (theirs.pk,))
        assert issues.retry_all(Filter()).issues == 2
    marked = Issue.objects.filter(retry_at__isnull=False).values_list("pk", flat=True)
    assert sorted(marked) == [ours.pk, last.pk]


def test_many_are_marked_in_several_transactions(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issues, "_AT_A_TIME", 100)
    made(live.connection, 250)
    assert issues.retry_all(Filter(connection=live.connection)).issues == 250
    assert not Issue.objects.filter(retry_at__isnull=True).exists()


def test_nothing_is_marked_where_one_is_not_open(live: Live) -> None:
    one, closed = made(live.connection, 2)
    Issue.objects.filter(pk=closed.pk).update(is_open=False)
    with pytest.raises(NoSuchIssue, match=f"There are no open issues {closed.pk}, 999999"):
        issues.retry([one.pk, closed.pk, 999_999])
    assert not Issue.objects.filter(retry_at__isnull=False).exists()


def test_by_cause_the_most_frequent_first_with_what_helps(live: Live) -> None:
    made(live.connection, 3)
    made(live.connection, 2, code="DUPLICATE_VALUE", retry_at=timezone.now())
    made(live.connection, field="Industry", local_id=1, code="STRING_TOO_LONG")
    made(live.connection, is_open=False)
    causes = issues.by_cause(Filter())
    assert [(c.code, c.issues, c.records, c.retried) for c in causes] == [
        (VALIDATION, 3, 3, 0), ("DUPLICATE_VALUE", 2, 2, 2), ("STRING_TOO_LONG", 1, 1, 0),
    ]  # fmt: skip
    assert "rule" in causes[0].refusal.meaning


def test_by_record_page_after_page_all_that_is_open_of_it(live: Live) -> None:
    made(live.connection, 5)
    made(live.connection, field="Industry", local_id=2, code="STRING_TOO_LONG")
    found, after = [], None
    while page := issues.by_record(Filter(), after=after, limit=2):
        found += page
        after = page[-1].position
    assert [(one.local_id, len(one.issues)) for one in found] == [(1, 1), (2, 2), (3, 1), (4, 1), (5, 1)]
    (both,) = issues.by_record(Filter(code="STRING_TOO_LONG"))
    assert [issue.code for issue in both.issues] == [VALIDATION, "STRING_TOO_LONG"]


def test_the_list_is_filtered_and_paged_newest_first(live: Live) -> None:
    old, *others = made(live.connection, 4)
    (lead,) = made(live.connection, sobject="Lead", code="DUPLICATE_VALUE")
    Issue.objects.filter(pk=old.pk).update(last_at=timezone.now() - timedelta(days=2))
    assert [one.pk for one in issues.listed(Filter())] == [lead.pk, *(o.pk for o in reversed(others)), old.pk]
    assert [one.pk for one in issues.listed(Filter(), before=lead.pk, limit=1)] == [others[-1].pk]
    assert issues.listed(Filter(sobject="Lead")) == issues.listed(Filter(code="DUPLICATE_VALUE")) == [lead]
    assert old not in issues.listed(Filter(since=timezone.now() - timedelta(days=1)))
    assert issues.codes(Filter()) == ["DUPLICATE_VALUE", VALIDATION]


def test_records_are_named(live: Live) -> None:
    record = Account.objects.get(name="GenePoint")
    found = made(live.connection, local_id=record.pk) + made(live.connection, local_id=10**9)
    assert issues.names(found) == {("Account", record.pk): "GenePoint"}
