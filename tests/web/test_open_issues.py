"""Issues of a connection, by cause and one by one, tried again by operators; and undoing a run from its page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.identity.models import User
from abmatic.sync import undo, undo_created
from abmatic.sync.models import Connection, Issue, ObjectSetting, Run, Write
from abmatic.sync.retrying import retrying
from abmatic.web.runs import open_issues

REFUSED = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


def address(connection: Connection) -> str:
    return f"/settings/integrations/salesforce/{connection.pk}/issues/"


def made(connection: Connection, local_id: int = 1, code: str = REFUSED, **values: Any) -> Issue:
    return Issue.objects.create(
        connection=connection, **{"sobject": "Account", "local_id": local_id, "code": code, **values}
    )


def test_told_by_cause_with_what_helps_and_record_by_record(admin: Client, connection: Connection) -> None:
    account = org.account("Acme & Co")
    made(connection, account.pk, message="<b>Not on a Wednesday.</b>", fields=["Industry"], sf_id="0015800000000009AAA")
    made(connection, 10**9, "DUPLICATE_VALUE", sobject="Lead")
    made(connection, 5, "STRING_TOO_LONG", is_open=False)
    made(org.connect(), 5, "ENTITY_IS_LOCKED")
    page = admin.get(address(connection)).text
    assert "A validation rule says no" in page
    assert "Change the value here so that it keeps the rule" in page
    assert f'href="/accounts/{account.pk}/" dir="auto">Acme &amp; Co</a>' in page
    assert f'href="{connection.instance_url}/0015800000000009AAA"' in page
    assert "&lt;b&gt;Not on a Wednesday.&lt;/b&gt;" in page
    for absent in ("The text is too long", "Locked in Salesforce"):
        assert absent not in page
    assert "Another record has this value already" not in admin.get(address(connection) + "?object=Account").text
    assert "A validation rule" not in admin.get(address(connection) + "?code=DUPLICATE_VALUE").text
    assert "No open issue matches" in admin.get(address(connection) + "?code=%00X&object=x&before=y").text


def test_nothing_open_says_so(admin: Client, connection: Connection) -> None:
    assert "No issue is open" in admin.get(address(connection)).text


def test_older_ones_come_as_it_scrolls(admin: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_issues, "PAGE", 3)
    ids = [made(connection, n).pk for n in range(8)]
    page = admin.get(address(connection)).text
    seen = re.findall(r'name="issue" value="(\d+)"', page)
    while following := re.search(r'hx-get="([^"]*before=[^"]*)"', page):
        page = admin.get(following[1].replace("&amp;", "&"), headers=HTMX).text
        assert "<html" not in page
        seen += re.findall(r'name="issue" value="(\d+)"', page)
    assert [int(pk) for pk in seen] == ids[::-1]


def test_an_operator_has_one_tried_again_or_all_of_a_cause(
    oscar: User, signed_in: SignedIn, connection: Connection
) -> None:
    browser = signed_in(oscar)
    first, second, other = made(connection), made(connection, 2), made(connection, 3, "DUPLICATE_VALUE")
    elsewhere = made(org.connect(), 2)
    page = browser.post(address(connection) + "retry/", {"issue": first.pk}, follow=True).text
    assert "1 issue is tried again with the next sync." in page
    assert "Will be tried again once Accounts may be written to Salesforce" in page
    assert set(Issue.objects.filter(retry_at__isnull=False)) == {first}
    page = browser.post(address(connection) + "retry/", {"object": "Account", "code": REFUSED}, follow=True).text
    assert "2 issues are tried again" in page
    assert set(Issue.objects.filter(retry_at__isnull=False)) == {first, second}
    assert elsewhere.retry_at is other.retry_at is None
    Issue.objects.filter(pk=other.pk).update(is_open=False)
    assert "no open issue" in browser.post(address(connection) + "retry/", {"issue": other.pk}, follow=True).text
    assert "no open issue" in browser.post(address(connection) + "retry/", {"issue": "x"}, follow=True).text


def test_filter_and_place_are_kept_and_what_is_shown_is_shown_anew(
    oscar: User, signed_in: SignedIn, connection: Connection
) -> None:
    browser = signed_in(oscar)
    ObjectSetting.objects.filter(connection=connection, sobject="Account").update(update_in_salesforce=True)
    first, second, other = made(connection), made(connection, 2), made(connection, 3, "DUPLICATE_VALUE")
    foreign = made(org.connect(), 9)
    query = f"?object=Account&code={REFUSED}"
    answer = browser.post(address(connection) + "retry/" + query, {"issue": first.pk})
    assert answer.headers["Location"] == address(connection) + query
    page = browser.get(address(connection) + query).text
    assert f'action="{address(connection)}retry/{query.replace("&", "&amp;")}"' in page
    sent = {"issue": second.pk, "rows": f"{first.pk},{foreign.pk},x", "tried": f"{first.pk}"}
    part = browser.post(address(connection) + "retry/" + query, sent, headers=HTMX).text
    assert "<html" not in part
    assert part.count("Will be tried again with the next sync") == 3, "two rows, and their cause"
    assert set(re.findall(r'<tr id="issue-(\d+)"', part)) == {str(first.pk), str(second.pk)}
    assert "Another record has this value" not in part, "the filter is kept"
    assert other.retry_at is None
    # Nothing new: nothing is sent. An answer, good or bad, is.
    live = re.search(r'hx-get="([^"]*live[^"]*)"', part)
    assert live is not None
    ask = live[1].replace("&amp;", "&") + f"&rows={first.pk},{second.pk}&tried={first.pk},{second.pk}"
    assert browser.get(ask, headers=HTMX).status_code == 204
    run = org.running(connection, direction=Run.Direction.PULL)
    # One that only reads tries nothing.
    assert "Is being tried again now" not in browser.get(ask, headers=HTMX).text
    Run.objects.filter(pk=run.pk).update(direction=Run.Direction.BOTH)
    assert browser.get(ask, headers=HTMX).text.count("Is being tried again now") == 3
    Run.objects.filter(pk=run.pk).update(state="succeeded")
    Issue.objects.filter(pk=first.pk).update(is_open=False, retry_at=None)
    Issue.objects.filter(pk=second.pk).update(retry_at=None)
    part = browser.get(ask, headers=HTMX).text
    assert "Settled" in part
    assert "Tried again, and refused again" in part
    assert "every" not in part, "there is nothing more to wait for"
    gone = browser.post(address(connection) + "retry/", {"issue": first.pk}, headers=HTMX).text
    assert "There is no open issue" in gone


def test_by_when_it_is_tried(connection: Connection) -> None:
    setting = ObjectSetting.objects.get(connection=connection, sobject="Campaign")
    made(connection, sobject="CampaignMember", retry_at=timezone.now())
    assert "once Campaign members may be written" in retrying(connection).by_when("CampaignMember")
    setting.update_in_salesforce = setting.auto_push = True
    setting.save()
    now = retrying(connection)
    assert (now.by_when("CampaignMember"), now.every) == ("Will be tried again within seconds", 3)
    setting.auto_push = False
    setting.save()
    assert retrying(connection).every == 15
    Issue.objects.update(retry_at=None)
    assert retrying(connection).every == 0


@pytest.mark.parametrize("many", [1, 40])
def test_queries(
    admin: Client, connection: Connection, django_assert_max_num_queries: Callable[[int], Any], many: int
) -> None:
    ids = [made(connection, org.account("Acme").pk, retry_at=timezone.now()).pk for _ in range(many)]
    with django_assert_max_num_queries(13):
        admin.get(address(connection))
    with django_assert_max_num_queries(12):
        admin.get(address(connection) + "live/?rows=" + ",".join(map(str, ids)), headers=HTMX)


def test_a_viewer_reads_and_changes_nothing(vera: User, signed_in: SignedIn, connection: Connection) -> None:
    made(connection)
    browser, run = signed_in(vera), org.run(connection)
    page = browser.get(address(connection)).text
    assert "A validation rule says no" in page
    assert "retry/" not in page
    assert browser.post(address(connection) + "retry/").status_code == 403
    assert "/undo/" not in browser.get(f"/runs/{run.pk}/").text
    assert browser.post(f"/runs/{run.pk}/undo/").status_code == 403


def test_an_undo_is_shown_then_started(
    oscar: User, signed_in: SignedIn, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, run = signed_in(oscar), org.run(connection)
    assert f'href="/runs/{run.pk}/undo/"' in browser.get(f"/runs/{run.pk}/").text
    found = undo.Undone(here_values=3, there_back=1)
    found.left["undo_changed_here"] = 2
    found.samples = {"here": [{"record": "account", "id": 7, "field": "city", "now": "<i>Wels</i>", "then": None}]}
    monkeypatch.setattr(undo, "preview", lambda run: found)
    page = browser.get(f"/runs/{run.pk}/undo/").text
    assert "&lt;i&gt;Wels&lt;/i&gt;" in page
    assert "Changed here since" in page
    assert not Run.objects.filter(undoes=run).exists()
    browser.post(f"/runs/{run.pk}/undo/")
    made = Run.objects.get(undoes=run)
    assert (made.trigger, made.started_by, made.state) == ("undo", oscar, "queued")
    again = browser.post(f"/runs/{run.pk}/undo/", follow=True).text
    assert "queued or running" in again


def written(run: Run, number: int, **changed: Any) -> None:
    Write.objects.bulk_create(
        Write(
            run=run, connection=run.connection, sobject="Account", local_id=n, sf_id=f"00158000000000{n:04}",
            operation="create", sent={}, state="written", **changed,
        )
        for n in range(number)
    )  # fmt: skip


def test_an_administrator_may_have_removed_what_a_run_created_after_seeing_how_many_that_are(
    admin: Client, oscar: User, signed_in: SignedIn, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = org.run(connection)
    address = f"/runs/{run.pk}/undo/"
    monkeypatch.setattr(undo, "preview", lambda run: undo.Undone())
    assert "delete_created" not in admin.get(address).text
    written(run, 12)
    page = admin.get(address).text
    assert "It created 12 records there" in page
    assert 'name="delete_created"' in page
    assert "Undo it" in page
    found = undo_created.Removed(number=10, samples=["001580000000000001"])
    found.left["undo_in_use"] = 2
    monkeypatch.setattr(undo, "preview_removal", lambda run: found)
    shown = admin.get(f"{address}removal/").text
    assert "10 records would be removed" in shown
    assert "2 × Other records belong to it" in shown
    assert "001580000000000001" in shown

    operator = signed_in(oscar)
    assert "delete_created" not in operator.get(address).text
    assert operator.get(f"{address}removal/").status_code == 403
    assert operator.post(address, {"delete_created": "on"}).status_code == 403
    assert not Run.objects.filter(undoes=run).exists()
    admin.post(address, {"delete_created": "on"})
    assert undo.deletes_created(Run.objects.get(undoes=run))


def test_an_undo_removes_nothing_that_nobody_ticked(admin: Client, connection: Connection) -> None:
    run = org.run(connection)
    written(run, 1)
    admin.post(f"/runs/{run.pk}/undo/")
    assert not undo.deletes_created(Run.objects.get(undoes=run))


def test_a_removal_that_can_not_be_looked_at_says_why(admin: Client, connection: Connection) -> None:
    run = org.running(connection)
    assert "is not over" in admin.get(f"/runs/{run.pk}/undo/removal/").text


def test_what_can_not_be_undone_says_why(admin: Client, connection: Connection) -> None:
    run = org.running(connection)
    assert "/undo/" not in admin.get(f"/runs/{run.pk}/").text
    assert "is not over" in admin.get(f"/runs/{run.pk}/undo/", follow=True).text


def test_queries_do_not_grow(admin: Client, connection: Connection, django_assert_max_num_queries: Any) -> None:
    for n in range(40):
        made(connection, org.account(f"Firm {n}").pk)
    with django_assert_max_num_queries(10):
        admin.get(address(connection))
