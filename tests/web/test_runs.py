"""The Activity Log, the page of a run, and what a run found."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Account
from abmatic.identity.models import User
from abmatic.sync.models import Connection, Finding, Issue, Run
from abmatic.web.runs import activity as activity_log
from abmatic.web.runs import findings as findings_list

Queries = Callable[[int], AbstractContextManager[object]]
HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


class TestRunUnderWay:
    def test_shows_records_rate_time_left_and_phase(self, admin: Client, connection: Connection) -> None:
        run = org.running(connection, started_at=timezone.now() - timedelta(seconds=10))
        page = admin.get(f"/runs/{run.pk}/").text
        assert "30 of 100" in page
        assert re.search(r"\d a second", page)
        assert "Time left" in page
        assert re.search(r'is-now" aria-current="step">Reading records', page)
        assert 'value="300"' in page, "the bar, in thousandths"

    def test_asks_again_until_it_is_over_then_shows_the_whole_page_once(
        self, admin: Client, connection: Connection
    ) -> None:
        run = org.running(connection)
        live = f"/runs/{run.pk}/live/"
        assert f'hx-get="{live}"' in admin.get(live).text
        run.state, run.phase, run.outcome = Run.State.SUCCEEDED, Run.Phase.DONE, "100 records read."
        run.save()
        answer = admin.get(live)
        assert "hx-trigger" not in answer.text
        assert answer.headers["HX-Refresh"] == "true"
        assert "hx-trigger" not in admin.get(f"/runs/{run.pk}/").text.split('id="live"')[1].split(">")[0]

    def test_before_anything_is_known_nothing_is_made_up(self, admin: Client, connection: Connection) -> None:
        run = org.running(
            connection, state="queued", phase="waiting", started_at=None, expected=None, processed=0, counts={}
        )
        page = admin.get(f"/runs/{run.pk}/").text
        assert "Waiting for a worker" in page
        assert not re.search(r"<progress[^>]* value=", page)

    def test_runs_started_together_are_shown_together(self, admin: Client, connection: Connection) -> None:
        batch = uuid.uuid4()
        opportunities = org.running(connection, "Opportunity", batch=batch, state="queued")
        accounts = org.run(connection, "Account", batch=batch)
        page = admin.get(f"/runs/{accounts.pk}/").text
        together = page[page.index('class="together"') :]
        assert together.index(f'href="/runs/{accounts.pk}/" aria-current') < together.index(
            f"/runs/{opportunities.pk}/"
        )
        assert f'hx-get="/runs/{accounts.pk}/live/"' in page, "goes on while a sibling does"

    def test_the_top_bar_asks_again_only_while_something_runs(self, admin: Client, connection: Connection) -> None:
        assert "every 2s" not in admin.get("/").text
        run = org.running(connection)
        assert "every 2s" in admin.get("/accounts/").text
        assert "Accounts 30 %" in admin.get("/syncs/").text
        Run.objects.filter(pk=run.pk).update(state=Run.State.SUCCEEDED)
        assert "every 2s" not in admin.get("/syncs/").text


class TestRunThatIsOver:
    def test_counts_and_outcome(self, admin: Client, connection: Connection) -> None:
        run = org.run(connection, counts={"read": 12_345, "created": 0, "duplicate": 7})
        page = admin.get(f"/runs/{run.pk}/").text
        assert run.outcome in page
        shown = dict(re.findall(r"<dt>([^<]*)</dt><dd>([\d,]*)</dd>", page))
        assert shown["Read"] == "12,345"
        assert shown["Created"] == "0"
        assert shown["Duplicates"] == "7"
        assert "Converted leads" not in shown

    def test_a_failure_shows_cause_and_remedy(self, admin: Client, connection: Connection) -> None:
        run = org.run(
            connection,
            state="failed",
            error_code="INVALID_SESSION_ID",
            error_message="Session expired <or> invalid",
            error_remedy="Reconnect the connection.",
        )
        page = admin.get(f"/runs/{run.pk}/").text
        for words in ("INVALID_SESSION_ID", "Session expired &lt;or&gt; invalid", "Reconnect the connection."):
            assert words in page

    def test_unknown_reasons_of_a_newer_version_are_shown_by_their_code(
        self, admin: Client, connection: Connection
    ) -> None:
        run = org.run(connection)
        org.found(run, "reason_from_the_future", 1)
        assert "reason_from_the_future" in admin.get(f"/runs/{run.pk}/").text
        assert admin.get(f"/runs/{run.pk}/findings/?reason=reason_from_the_future").status_code == 200


class TestCancel:
    def test_an_operator_cancels(self, oscar: User, signed_in: SignedIn, connection: Connection) -> None:
        run = org.running(connection)
        browser = signed_in(oscar)
        assert f'action="/runs/{run.pk}/cancel/"' in browser.get(f"/runs/{run.pk}/").text
        browser.post(f"/runs/{run.pk}/cancel/")
        run.refresh_from_db()
        assert run.state == Run.State.CANCELLED

    def test_what_is_over_stays_as_it_is(self, admin: Client, connection: Connection) -> None:
        run = org.run(connection)
        answer = admin.post(f"/runs/{run.pk}/cancel/", follow=True)
        assert "over already" in answer.text
        run.refresh_from_db()
        assert run.state == Run.State.SUCCEEDED

    def test_a_viewer_sees_no_button(self, vera: User, signed_in: SignedIn, connection: Connection) -> None:
        run = org.running(connection)
        assert "/cancel/" not in signed_in(vera).get(f"/runs/{run.pk}/").text


class TestFindings:
    def test_by_reason(self, admin: Client, connection: Connection) -> None:
        run = org.run(connection)
        org.found(run, "no_website", 3)
        org.found(run, "value_unreadable", 2, field="AnnualRevenue", value="lots")
        page = admin.get(f"/runs/{run.pk}/findings/").text
        assert page.count("AAA</a></td>") == 5
        page = admin.get(f"/runs/{run.pk}/findings/?reason=value_unreadable").text
        assert page.count("AAA</a></td>") == 2
        assert "AnnualRevenue" in page
        assert "lots" in page
        assert "What to do:" in page

    def test_records_are_called_by_their_names(self, admin: Client, connection: Connection) -> None:
        run, account = org.run(connection), org.account("Northwind & Co")
        org.found(run, "no_website", 1, local_id=account.pk)
        org.found(run, "duplicate", 1, local_id=account.pk + 1_000_000)  # gone since then
        page = admin.get(f"/runs/{run.pk}/findings/").text
        assert f'href="/accounts/{account.pk}/" dir="auto">Northwind &amp; Co</a>' in page
        assert page.count('href="/accounts/') == 2  # that one, and the rail

    def test_a_duplicate_leads_to_its_primary_record(self, admin: Client, connection: Connection) -> None:
        run = org.run(connection)
        org.found(run, "duplicate", 1, value="0015800000000009AAA")
        page = admin.get(f"/runs/{run.pk}/findings/").text
        assert "Primary record: " in page
        assert f'href="{connection.instance_url}/0015800000000009AAA"' in page

    def test_pages_make_the_whole_across_reasons(
        self, admin: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(findings_list, "PAGE", 4)
        run, other = org.run(connection), org.run(connection, "Contact")
        org.found(other, "no_website", 5)
        for reason in ("value_unreadable", "duplicate", "no_website"):
            org.found(run, reason, 7)
        page = admin.get(f"/runs/{run.pk}/findings/").text
        seen = re.findall(r">(001\w{15})</a></td>", page)
        while following := re.search(r'hx-get="([^"]*after=[^"]*)"', page):
            page = admin.get(following[1].replace("&amp;", "&"), headers=HTMX).text
            assert "<html" not in page
            seen += re.findall(r">(001\w{15})</a></td>", page)
        wanted = Finding.objects.filter(run=run).order_by("reason", "id").values_list("sf_id", flat=True)
        assert seen == list(wanted)

    @pytest.mark.parametrize("query", ["after=x", "after=no_website:x", "after=%00:1", "reason=%00", "reason="])
    def test_nonsense_in_the_address_breaks_nothing(self, admin: Client, connection: Connection, query: str) -> None:
        run = org.run(connection)
        org.found(run, "no_website", 1)
        assert admin.get(f"/runs/{run.pk}/findings/?{query}").status_code == 200

    def test_a_run_without_findings_says_so(self, admin: Client, connection: Connection) -> None:
        run = org.run(connection)
        assert "Every value of every record that was read could be used" in admin.get(f"/runs/{run.pk}/").text
        assert "nothing to say" in admin.get(f"/runs/{run.pk}/findings/").text


class TestActivityLog:
    def test_filters_by_object_and_status(self, admin: Client, connection: Connection) -> None:
        accounts = org.run(connection)
        contacts = org.run(connection, "Contact", state="failed")
        address = f"/settings/integrations/salesforce/{connection.pk}/activity/"

        def shown(query: str) -> set[int]:
            return {int(pk) for pk in re.findall(r'class="strong" href="/runs/(\d+)/', admin.get(address + query).text)}

        assert shown("") == {accounts.pk, contacts.pk}
        assert shown("?object=Contact") == {contacts.pk}
        assert shown("?state=succeeded") == {accounts.pk}
        assert shown("?object=Lead") == set()
        assert shown("?object=nonsense&state=nonsense&before=x") == {accounts.pk, contacts.pk}

    def test_older_runs_come_as_it_scrolls(
        self, admin: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(activity_log, "PAGE", 3)
        made = [org.run(connection).pk for _ in range(8)]
        page = admin.get(f"/settings/integrations/salesforce/{connection.pk}/activity/").text
        seen = re.findall(r'class="strong" href="/runs/(\d+)/', page)
        while following := re.search(r'hx-get="([^"]*before=[^"]*)"', page):
            page = admin.get(following[1].replace("&amp;", "&"), headers=HTMX).text
            seen += re.findall(r'class="strong" href="/runs/(\d+)/', page)
        assert [int(pk) for pk in seen] == sorted(made, reverse=True)

    def test_what_was_written_and_refused_is_told(self, admin: Client, connection: Connection) -> None:
        org.run(
            connection, direction="both", counts={"read": 41, "created": 42, "updated": 43, "skipped": 44},
            pushed={"created": 45, "updated": 46, "refused": 40, "held": 7},
        )  # fmt: skip
        for address in (f"/settings/integrations/salesforce/{connection.pk}/activity/", "/"):
            page = admin.get(address).text
            assert '<span class="chip chip-amber">Succeeded with 47 refused</span>' in page
        page = admin.get(f"/settings/integrations/salesforce/{connection.pk}/activity/").text
        cells = re.findall(r'<td class="num[^"]*">(?:<a [^>]*>|<div>)?([\d,]+)', page)
        assert cells == ["41", "42", "45", "47", "44"]
        told = re.findall(r'<div>(\d+) <span class="quiet">(\w+)', page)
        assert told == [("42", "created"), ("43", "updated"), ("45", "created"), ("46", "updated")]
        assert "Salesforce: 45 created, 46 updated, 47 refused" in page
        org.run(connection, "Contact", direction="both", pushed={"created": 1, "refused": 0})
        assert admin.get("/").text.count("chip-amber") == 1

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("person", ["vera", "oscar", "admin"])
    def test_everybody_filters(
        self, person: str, connection: Connection, signed_in: SignedIn, request: pytest.FixtureRequest
    ) -> None:
        user = request.getfixturevalue("alice" if person == "admin" else person)
        account = org.account("Acme")
        plain = org.run(connection)
        refused = org.run(
            connection, "Contact", direction="both", trigger="schedule", started_by=user, pushed={"refused": 1}
        )
        assert plain.cause is not None
        org.change(account, "city", "Rome", "Bonn", cause=plain.cause)
        Run.objects.filter(pk=plain.pk).update(queued_at=timezone.now() - timedelta(days=40))
        day = (timezone.now() - timedelta(days=20)).date().isoformat()
        browser, address = signed_in(user), f"/settings/integrations/salesforce/{connection.pk}/"

        def shown(query: str) -> list[int]:
            page = browser.get(f"{address}activity/?{query}").text
            found = [int(pk) for pk in re.findall(r'class="strong" href="/runs/(\d+)/', page)]
            file = b"".join(browser.get(f"{address}runs.csv?{query}").streaming_content).decode()  # type: ignore[attr-defined]
            assert sorted(int(line.split(",")[0]) for line in file.splitlines()[1:]) == sorted(found)
            return found

        for query in ("direction=both", "state=refused", "by=trigger:schedule", f"by=user:{user.pk}", f"since={day}"):
            assert shown(query) == [refused.pk], query
        for query in ("direction=pull", f"until={day}", "record=acm", f"record=account:{account.pk}"):
            assert shown(query) == [plain.pk], query
        assert shown("record=nobody+knows") == []
        assert shown("direction=x&by=user:x&since=x&until=0001-01-01&record=%00") == [refused.pk, plain.pk]

    def test_the_filters_stay_while_it_scrolls_and_in_the_file(
        self, admin: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(activity_log, "PAGE", 2)
        made = []
        for _ in range(5):
            made.append(org.run(connection, direction="both", pushed={"held": 1}).pk)
            org.run(connection)
        query = "direction=both&amp;state=refused"
        page = admin.get(
            f"/settings/integrations/salesforce/{connection.pk}/activity/?{query.replace('&amp;', '&')}"
        ).text
        assert f"runs.csv?{query}" in page
        seen = re.findall(r'class="strong" href="/runs/(\d+)/', page)
        while following := re.search(r'hx-get="([^"]*before=[^"]*)"', page):
            assert query in following[1]
            page = admin.get(following[1].replace("&amp;", "&"), headers=HTMX).text
            seen += re.findall(r'class="strong" href="/runs/(\d+)/', page)
        assert [int(pk) for pk in seen] == made[::-1]

    def test_what_a_record_is_called_is_said(self, admin: Client, connection: Connection) -> None:
        for number in range(5):
            org.account(f"<b>Acme {number}")
        address = f"/settings/integrations/salesforce/{connection.pk}/activity/"
        page = admin.get(address, {"record": "<b>acme"}).text
        assert "&lt;b&gt;Acme 0</a>" in page
        assert "and 2 more whose name begins so" in page
        assert "No run matches" in page
        assert "No record here is called" in admin.get(address, {"record": "zzz"}).text

    def test_another_connections_runs_are_not_in_it(self, admin: Client, connection: Connection) -> None:
        org.run(org.connect())
        page = admin.get(f"/settings/integrations/salesforce/{connection.pk}/activity/").text
        assert "Nothing has run yet" in page


class TestQueries:
    @pytest.mark.parametrize("many", [1, 40])
    def test_activity_log(
        self, admin: Client, connection: Connection, django_assert_max_num_queries: Queries, many: int
    ) -> None:
        for _ in range(many):
            org.run(connection)
        with django_assert_max_num_queries(8):
            admin.get(f"/settings/integrations/salesforce/{connection.pk}/activity/")

    def test_run_page(self, admin: Client, connection: Connection, django_assert_max_num_queries: Queries) -> None:
        run = org.run(connection)
        org.found(run, "no_website", 100)
        with django_assert_max_num_queries(6):
            admin.get(f"/runs/{run.pk}/")
        with django_assert_max_num_queries(6):
            admin.get(f"/runs/{run.pk}/findings/")


class TestRunThatWrites:
    def test_what_could_not_be_written_is_told_by_cause(self, admin: Client, connection: Connection) -> None:
        run = org.running(
            connection, state="succeeded", phase="done", direction="both", pushed={"updated": 3, "held": 7}
        )
        account = Account.objects.create(name="Acme")

        def issue(place: int, code: str, **more: Any) -> None:
            Issue.objects.create(
                connection=connection, sobject="Account", local_id=account.pk + place, run=run, code=code, **more
            )

        for place in range(7):
            issue(place, "REQUIRED_FIELD_MISSING", fields=["Name"])
        issue(20, "SOMETHING_NEW", message="<b>Nobody knows.</b>")
        issue(21, "STRING_TOO_LONG", is_open=False)
        page = admin.get(f"/runs/{run.pk}/").text
        assert "Into Salesforce" in page
        assert "A required field is empty" in page
        assert page.count('<span class="mono">Name</span>') == 5
        assert "&lt;b&gt;Nobody knows.&lt;/b&gt;" in page
        assert "The text is too long" not in page

    @pytest.mark.parametrize("phase", ["comparing", "sending"])
    def test_it_has_phases_of_its_own(self, admin: Client, connection: Connection, phase: str) -> None:
        run = org.running(connection, direction="both", phase=phase)
        assert "Writing to Salesforce" in admin.get(f"/runs/{run.pk}/").text
