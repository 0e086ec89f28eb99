"""The client against a whole org: the emulator, over real HTTP and in-process."""

from __future__ import annotations

import csv
import html
import io
import re
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from abmatic.salesforce import (
    AccessToken,
    Client,
    LoginHost,
    LoginHosts,
    OAuthApp,
    RefreshingTokens,
    StaticTokens,
    Tokens,
    errors,
    oauth,
)
from abmatic.salesforce.bulk import BulkQueryJob
from salesforce_emulator import App, OrgStore, Settings, create_app
from salesforce_emulator.data import generate
from salesforce_emulator.testing import RunningOrg, emulator_of, issue_token, running

ACCOUNTS = 4_500
CALLBACK = "http://127.0.0.1:9/callback"
SOQL = "SELECT Id, Name, Website, Owner.Name, AnnualRevenue, CreatedDate FROM Account"


def load(conn: sqlite3.Connection) -> None:
    generate.load(conn, ACCOUNTS, 7)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningOrg]:
    with running(OrgStore(loader=load), settings=Settings(rotate_refresh_tokens=True)) as org:
        yield org


@pytest.fixture
def org(served: RunningOrg) -> Iterator[RunningOrg]:
    served.emulator.faults.set([])
    served.emulator.calls.clear()
    yield served
    served.emulator.faults.set([])


@pytest.fixture
def client(org: RunningOrg) -> Iterator[Client]:
    with Client(StaticTokens(AccessToken(org.access_token(), org.url)), sleep=lambda _: None) as found:
        yield found


def login_host(org: RunningOrg) -> LoginHost:
    return LoginHosts(frozenset({urlsplit(org.url).netloc})).login(org.url)


def app_of(org: RunningOrg) -> OAuthApp:
    return OAuthApp(org.client_id, org.client_secret)


# --- signing in


def form_of(page: str) -> dict[str, str]:
    """The hidden inputs of the page's first form."""
    first = page[page.index("<form") : page.index("</form>")]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', first)
    return {name: html.unescape(value) for name, value in found}


def through_the_browser(org: RunningOrg, url: str, answer: str) -> dict[str, str]:
    """Logs in, answers the consent page, and gives the callback's query."""
    with httpx2.Client(base_url=org.url, follow_redirects=False, trust_env=False) as browser:
        login = browser.get(url)
        assert login.status_code == 200, login.text
        sent = browser.post("/login", data=form_of(login.text) | {"username": org.username, "pw": org.password})
        consent = browser.get(sent.headers["location"])
        back = browser.post("/services/oauth2/consent", data=form_of(consent.text) | {"answer": answer})
        return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}


def signed_in(org: RunningOrg) -> Tokens:
    host = login_host(org)
    begun = oauth.begin(host, app_of(org), CALLBACK)
    code = oauth.code_from_callback(through_the_browser(org, begun.url, "allow"), begun.state)
    return oauth.exchange(host, app_of(org), CALLBACK, code, begun.code_verifier)


def test_a_person_allows_access(org: RunningOrg) -> None:
    tokens = signed_in(org)
    assert tokens.instance_url == org.url
    assert tokens.refresh_token
    assert tokens.org_id == org.store.organization_id
    with Client(StaticTokens(tokens)) as client:
        user = client.userinfo()
        assert (user.username, user.user_id) == (org.username, tokens.user_id)
        assert client.organization().id == tokens.org_id


def test_a_person_denies_access(org: RunningOrg) -> None:
    begun = oauth.begin(login_host(org), app_of(org), CALLBACK)
    with pytest.raises(errors.ConsentDenied):
        oauth.code_from_callback(through_the_browser(org, begun.url, "deny"), begun.state)


def test_a_code_works_once_and_only_with_its_verifier(org: RunningOrg) -> None:
    host, app = login_host(org), app_of(org)
    begun = oauth.begin(host, app, CALLBACK)
    code = oauth.code_from_callback(through_the_browser(org, begun.url, "allow"), begun.state)
    with pytest.raises(errors.CodeExpired):
        oauth.exchange(host, app, CALLBACK, code, "another-verifier")
    with pytest.raises(errors.CodeExpired):
        oauth.exchange(host, app, CALLBACK, code, begun.code_verifier)


def test_wrong_credentials_are_named(org: RunningOrg) -> None:
    host = login_host(org)
    with pytest.raises(errors.UnknownClient):
        oauth.refresh(host, OAuthApp("nobody", "x"), "5Aep861")
    with pytest.raises(errors.WrongClientSecret):
        oauth.refresh(host, OAuthApp(org.client_id, "wrong"), "5Aep861")
    with pytest.raises(errors.InvalidGrant):
        oauth.refresh(host, app_of(org), "5Aep861nonsense")


def test_client_credentials_sign_in_the_run_as_user(org: RunningOrg) -> None:
    tokens = oauth.client_credentials(login_host(org), app_of(org))
    assert tokens.refresh_token == ""
    with Client(StaticTokens(tokens)) as client:
        assert client.userinfo().username == org.username


def test_an_assertion_signs_in_the_user_it_names() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    username = "integration@emulator.example"
    app = App("headless", "secret", certificate=public.decode(), run_as=username)
    with running(apps=[app]) as org:
        host = login_host(org)
        tokens = oauth.jwt_bearer(host, OAuthApp("headless", private_key_pem=pem), username)
        with Client(StaticTokens(tokens)) as client:
            assert client.userinfo().username == username
        with pytest.raises(errors.AppNotApproved):
            oauth.jwt_bearer(host, OAuthApp("headless", private_key_pem=pem), "nobody@acme.example")


def test_a_revoked_grant_is_refused(org: RunningOrg) -> None:
    host, tokens = login_host(org), signed_in(org)
    oauth.revoke(host, tokens.refresh_token)
    oauth.revoke(host, tokens.refresh_token)
    with pytest.raises(errors.InvalidGrant):
        oauth.refresh(host, app_of(org), tokens.refresh_token)


def test_twenty_threads_with_one_expired_session_refresh_it_once(org: RunningOrg) -> None:
    """Refresh tokens rotate in this org: a second refresh with the old one would be refused."""
    host, app, tokens = login_host(org), app_of(org), signed_in(org)
    org.emulator.tokens.end_all(kind="access")
    org.emulator.calls.clear()
    stored: list[Tokens] = []
    source = RefreshingTokens(tokens, lambda old: oauth.refresh(host, app, old.refresh_token), stored.append)
    start = threading.Barrier(20)
    with Client(source, api_version="67.0", connections=20) as client, ThreadPoolExecutor(20) as pool:

        def ask(_: int) -> int:
            start.wait(10)
            return client.count("SELECT count() FROM Account")

        assert len(set(pool.map(ask, range(20)))) == 1
    assert sum(call["path"] == "/services/oauth2/token" for call in org.calls()) == 1
    assert len(stored) == 1
    assert stored[0].refresh_token not in ("", tokens.refresh_token)


# --- the org


def test_the_org_and_its_objects(org: RunningOrg, client: Client) -> None:
    assert client.organization().name
    assert {"Account", "Contact", "Lead", "Opportunity", "Campaign"} <= set(client.describe_global().objects)
    account = client.describe("Account")
    assert account.fields["Website"].type == "url"
    assert client.describe("Account") is account, "the second time it is a 304"
    assert client.limits()["DailyApiRequests"].allowed > 0
    with pytest.raises(errors.InvalidType):
        client.describe("Nothing__c")


def test_our_count_of_calls_is_the_orgs(org: RunningOrg, client: Client) -> None:
    client.userinfo()
    client.limits()
    client.count("SELECT count() FROM Account")
    with pytest.raises(errors.MalformedQuery):
        client.count("SELECT count( FROM Account")
    assert client.calls == org.counted_calls() == 3
    assert client.usage
    assert client.usage.used == org.emulator.usage.used


def test_records_come_page_by_page(org: RunningOrg, client: Client) -> None:
    total = client.count("SELECT count() FROM Account")
    pages = list(client.query_pages("SELECT Id, Name FROM Account ORDER BY Id"))
    assert len(pages) > 1
    assert {page.total_size for page in pages} == {total}
    assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True]
    found = [row["Id"] for page in pages for row in orjson.loads(page.records_json)]
    assert len(set(found)) == len(found) == total == pages[-1].seen


def test_mistakes_in_a_query_are_named(client: Client) -> None:
    with pytest.raises(errors.InvalidField) as field:
        list(client.query_rows("SELECT Id, Region__c FROM Account"))
    assert (field.value.field, field.value.sobject) == ("Region__c", "Account")
    with pytest.raises(errors.InvalidType) as sobject:
        list(client.query_rows("SELECT Id FROM Nothing__c"))
    assert sobject.value.sobject == "Nothing__c"
    with pytest.raises(errors.MalformedQuery):
        list(client.query_rows("SELECT FROM Account"))


def read(job: BulkQueryJob) -> list[dict[str, str]]:
    found = []
    for page in job.pages():
        with job.open_page(page) as stream:
            text = b"".join(stream.chunks).decode()
            rows = [dict(zip(stream.columns, row, strict=True)) for row in csv.reader(io.StringIO(text, newline=""))]
            assert len(rows) == stream.expected
            found += rows
    return found


def test_a_bulk_job_gives_every_record_once(client: Client) -> None:
    job = client.bulk_query(SOQL)
    job.wait()
    rows = read(job)
    by_rest = {row["Id"]: row for row in client.query_rows(SOQL)}
    assert len(rows) == job.records == len(by_rest)
    assert list(rows[0]) == ["Id", "Name", "Website", "Owner.Name", "AnnualRevenue", "CreatedDate"]
    assert {row["Id"]: row["Name"] for row in rows} == {key: row["Name"] for key, row in by_rest.items()}
    assert {row["Id"]: row["Website"] or None for row in rows} == {k: r["Website"] for k, r in by_rest.items()}
    job.delete()
    with pytest.raises(errors.JobGone):
        client.resume_bulk_query(job.id)


def test_a_job_is_resumed_by_another_client(org: RunningOrg, client: Client) -> None:
    job = client.bulk_query("SELECT Id FROM Contact", include_deleted=True)
    with Client(StaticTokens(AccessToken(org.access_token(), org.url))) as other:
        resumed = other.resume_bulk_query(job.id)
        resumed.wait()
        assert len(read(resumed)) == resumed.records > 0


def test_a_result_of_several_pages_is_read_side_by_side(
    org: RunningOrg, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salesforce_emulator.bulk.query_routes.PAGE_ROWS", 400)
    job = client.bulk_query("SELECT Id FROM Account")
    job.wait()
    pages = job.pages()
    assert len(pages) > 10, "more than one list of five"

    def ids(number: int) -> list[bytes]:
        with job.open_page(pages[number]) as stream:
            return b"".join(stream.chunks).splitlines()

    with ThreadPoolExecutor(4) as pool:
        found = [line for lines in pool.map(ids, reversed(range(len(pages)))) for line in lines]
    assert len(found) == len(set(found)) == job.records


def test_without_a_list_of_pages_the_locators_are_followed(org: RunningOrg, client: Client) -> None:
    missing = [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]
    org.fault("status", {"path": "resultPages"}, status=404, body=missing, times=0)
    job = client.bulk_query("SELECT Id FROM Account")
    job.wait()
    pages = job.pages(700)
    assert len(pages) == -(-job.records // 700)
    found: list[bytes] = []
    for page in pages:
        with job.open_page(page) as stream:
            found += b"".join(stream.chunks).splitlines()
    assert len(found) == len(set(found)) == job.records


def test_a_query_that_finds_nothing(client: Client) -> None:
    soql = "SELECT Id FROM Account WHERE Name = 'nobody is called this'"
    job = client.bulk_query(soql)
    job.wait()
    assert (job.records, job.pages()) == (0, [])
    assert list(client.query_rows(soql)) == []


# --- an org that behaves badly


def test_passing_trouble_is_sat_out(org: RunningOrg, client: Client) -> None:
    for action, options in (("status", {"status": 503}), ("html", {}), ("reset", {}), ("cut", {})):
        org.fault(action, {"path": "/limits"}, times=2, **options)
        assert client.limits()


def test_the_daily_limit_is_told_apart_from_passing_trouble(org: RunningOrg, client: Client) -> None:
    org.fault("limit", {"path": "/query"})
    with pytest.raises(errors.LimitReached) as reached:
        client.count("SELECT count() FROM Account")
    assert "sync frequency" in reached.value.remedy


def test_a_cursor_lost_between_pages_means_start_over(org: RunningOrg, client: Client) -> None:
    pages = client.query_pages("SELECT Id FROM Account")
    next(pages)
    org.fault("locator_expired", {"path": "/query/"})
    with pytest.raises(errors.LocatorExpired):
        next(pages)


def test_a_creation_whose_answer_is_lost_makes_one_job(org: RunningOrg, client: Client) -> None:
    before = len(org.emulator.query_jobs.all())
    org.fault("reset", {"method": "POST", "path": "/jobs/query"}, when="after")
    job = client.bulk_query("SELECT Id, Name FROM Opportunity")  # no other test makes a job for this object
    job.wait()
    assert len(org.emulator.query_jobs.all()) == before + 1
    assert len(read(job)) == job.records


@pytest.mark.parametrize(("action", "error"), [("job_failed", errors.JobFailed), ("job_aborted", errors.JobAborted)])
def test_waiting_ends_when_the_job_breaks_off(
    org: RunningOrg, client: Client, action: str, error: type[errors.SalesforceError]
) -> None:
    org.fault(action, {"method": "POST", "path": "/jobs/query"})
    job = client.bulk_query("SELECT Id FROM Account")
    with pytest.raises(error):
        job.wait()


def test_a_page_cut_short_raises_and_can_be_opened_again(org: RunningOrg, client: Client) -> None:
    job = client.bulk_query("SELECT Id FROM Account")
    job.wait()
    [page] = job.pages()
    org.fault("cut", {"path": "/results"})
    with pytest.raises(errors.Transient), job.open_page(page) as stream:
        list(stream.chunks)
    with job.open_page(page) as stream:
        assert len(b"".join(stream.chunks).splitlines()) == job.records


def test_a_connection_lost_before_a_page_begins_is_no_loss(org: RunningOrg, client: Client) -> None:
    job = client.bulk_query("SELECT Id FROM Account")
    job.wait()
    [page] = job.pages()
    org.fault("reset", {"path": "/results"}, times=2)
    with job.open_page(page) as stream:
        assert len(b"".join(stream.chunks).splitlines()) == job.records


def test_a_missing_locator_header_ends_the_result(org: RunningOrg, client: Client) -> None:
    job = client.bulk_query("SELECT Id FROM Account")
    job.wait()
    org.fault("no_locator", {"path": "/results"}, times=0)
    [page] = job.pages()
    with job.open_page(page) as stream:
        assert stream.next_locator is None


def test_a_field_missing_from_the_answer_is_missing_from_the_records(org: RunningOrg, client: Client) -> None:
    """Not null: whoever reads them can tell a field that isn't there from an empty one."""
    org.fault("field_missing", {"path": "/query"}, field="Website")
    row = next(client.query_rows("SELECT Id, Name, Website FROM Account LIMIT 1"))
    assert list(row) == ["Id", "Name"]


def test_the_org_without_api_is_named() -> None:
    with (
        running(settings=Settings(api_access=False)) as org,
        Client(StaticTokens(AccessToken(org.access_token(), org.url))) as client,
        pytest.raises(errors.ApiDisabledForOrg) as disabled,
    ):
        client.limits()
    assert "Professional" in disabled.value.remedy


def test_the_client_needs_no_socket() -> None:
    app = create_app(OrgStore())
    emulator = emulator_of(app)
    tokens = StaticTokens(AccessToken(issue_token(emulator), "https://emulator.example"))
    with Client(tokens, transport=httpx2.WSGITransport(app)) as client:
        assert client.organization().id == emulator.store.organization_id
        job = client.bulk_query("SELECT Id, Username FROM User")
        job.wait()
        assert len(read(job)) == job.records > 0
    emulator.close()
