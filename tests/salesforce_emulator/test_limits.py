"""The allowance: counted, told, and refused when it is used up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.schema import BASE


def test_every_call_counts_and_says_so(open_api: OpenApi) -> None:
    """ "Sforce-Limit-Info: api-usage=22/15000 is on 200, 201, 204 and 400 answers"."""
    api = open_api(settings=Settings(allowance=15_000))
    created = api.post("sobjects/Account", json={"Name": "A"})
    record = f"sobjects/Account/{created.json()['id']}"
    answers = [created, api.get(record), api.patch(record, json={"Name": "B"}), api.post("sobjects/Account", json={})]
    assert [a.status_code for a in answers] == [201, 200, 204, 400]
    assert [a.headers["Sforce-Limit-Info"] for a in answers] == [f"api-usage={n}/15000" for n in (1, 2, 3, 4)]


def test_no_limit_header_where_the_session_is_refused(api: Api) -> None:
    answer = httpx2.get(f"{api.org.url}{DATA}/limits", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert "Sforce-Limit-Info" not in answer.headers


def test_an_allowance_used_up(open_api: OpenApi) -> None:
    """ "REQUEST_LIMIT_EXCEEDED is 403 "TotalRequests Limit exceeded."."""
    api = open_api(settings=Settings(allowance=2))
    api.get("limits")
    assert api.get("limits").json()["DailyApiRequests"] == {"Max": 2, "Remaining": 0}
    answer = api.get("limits")
    assert answer.status_code == 403
    assert answer.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]


def test_what_was_used_a_day_ago_is_free_again(open_api: OpenApi) -> None:
    """The 24 hours roll: each call is forgiven a day after it was made, not all of them at midnight."""
    now = [datetime(2026, 11, 24, 15, 0, tzinfo=UTC)]
    api = open_api(store=OrgStore(clock=lambda: now[0]), settings=Settings(allowance=3, session_seconds=10**6))
    api.bulk_query("SELECT Id FROM User LIMIT 0")
    api.org.emulator.usage.set(used=0)
    hours = [0, 10, 14]
    for hour in hours:
        now[0] = datetime(2026, 11, 24, 0, 0, tzinfo=UTC) + timedelta(hours=15 + hour)
        assert api.get("limits").status_code == 200
    assert api.get("limits").status_code == 403
    now[0] = datetime(2026, 11, 25, 14, 59, tzinfo=UTC)
    assert api.get("limits").status_code == 403
    now[0] = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
    answer = api.get("limits")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=3/3"
    assert answer.json()["DailyBulkV2QueryJobs"] == {"Max": 10_000, "Remaining": 10_000}
    assert api.get("limits").status_code == 403
    now[0] = datetime(2026, 11, 26, 5, 0, tzinfo=UTC)
    assert api.get("limits").headers["Sforce-Limit-Info"] == "api-usage=2/3"


@pytest.mark.parametrize(("edition", "allowance"), [("Developer Edition", 15_000), ("Enterprise Edition", 100_000)])
def test_the_edition_decides_the_allowance(open_api: OpenApi, edition: str, allowance: int) -> None:
    """ "Daily: 100,000 + 1,000 a licence (Enterprise), 15,000 (Developer)"."""
    api = open_api(store=OrgStore(edition=edition))
    assert api.get("limits").json()["DailyApiRequests"]["Max"] == allowance


@pytest.mark.parametrize("edition", ["Professional Edition", "Base Edition"])
def test_an_edition_without_the_api(open_api: OpenApi, edition: str) -> None:
    """ "API_DISABLED_FOR_ORG 403 "The REST API is not enabled for this Organization."."""
    answer = open_api(store=OrgStore(edition=edition)).get("limits")
    assert answer.status_code == 403
    assert answer.json() == [
        {"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}
    ]


def test_professional_with_the_api_add_on(open_api: OpenApi) -> None:
    api = open_api(store=OrgStore(edition="Professional Edition"), settings=Settings(api_access=True))
    assert api.get("limits").status_code == 200


def test_a_user_whose_profile_lacks_api_enabled(open_api: OpenApi) -> None:
    """ "API_CURRENTLY_DISABLED / "API is not enabled for this user": the profile lacks API Enabled"."""
    answer = open_api(user_id=BASE.without_api).get("limits")
    assert answer.status_code == 403
    assert answer.json() == [{"message": "API is not enabled for this user", "errorCode": "API_CURRENTLY_DISABLED"}]


def test_record_counts(accounts: Api) -> None:
    answer = accounts.get("limits/recordCount", params={"sObjects": "Account,Nothing"})
    assert answer.json() == {"sObjects": [{"count": 10, "name": "Account"}]}


def test_the_call_log_says_who_called(api: Api) -> None:
    api.get("limits")
    api.get("limits", headers={"Sforce-Call-Options": "defaultNamespace=x, client=Nightly/2"})
    api.http.get("/services/data")
    by_app, by_name, nobody = api.org.calls()
    assert (by_app["client"], by_name["client"], nobody["client"]) == ("Abmatic", "Nightly/2", None)
    assert (by_app["user"], nobody["user"]) == (api.org.username, None)
