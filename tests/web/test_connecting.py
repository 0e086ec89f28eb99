"""Authorize, to Salesforce and back: what people see when it works, and in each way it can fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.web import org as made
from tests.web.emulated import APP, EmulatedOrg, environment_with, running_org

from abmatic.identity import sealing
from abmatic.sync.models import Connection

pytestmark = pytest.mark.django_db

AUTHORIZE = "/settings/integrations/salesforce/authorize/"
CALLBACK = "/settings/integrations/salesforce/callback/"


@pytest.fixture
def salesforce(tmp_path: Path, settings: Any) -> Iterator[EmulatedOrg]:
    """An org that this program may connect to."""
    with running_org(tmp_path) as org:
        settings.ENVIRONMENT = environment_with(org)
        yield org


def leave(browser: Client, address: str = AUTHORIZE, **changed: str) -> str:
    """Sends the form; gives the address of Salesforce's login."""
    answer = browser.post(address, {"kind": "emulator", **APP, **changed})
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def problem(browser: Client, query: dict[str, str], code: str) -> str:
    """The page of a failure, which must be of that kind."""
    answer = browser.get(CALLBACK, query)
    assert answer.status_code == 400
    assert f'data-problem="{code}"' in answer.text
    assert "What to do" in answer.text
    assert "Back to Integrations" in answer.text
    return answer.text


class TestItWorks:
    def test_back_from_salesforce(self, admin: Client, salesforce: EmulatedOrg) -> None:
        back = salesforce.answer(leave(admin))
        answer = admin.get(CALLBACK, back, follow=True)
        connection = Connection.objects.get()
        assert answer.redirect_chain[-1][0] == f"/settings/integrations/salesforce/{connection.pk}/connected/"
        assert connection.status == Connection.Status.ACTIVE
        for check in connection.checks:
            assert check["name"] in answer.text
        assert answer.text.count(connection.edition) == 1
        assert answer.text.count(connection.username) == 1
        assert "Start first import" in answer.text

    def test_the_demo_org_is_chosen_already(self, admin: Client, salesforce: EmulatedOrg) -> None:
        page = admin.get(AUTHORIZE).text
        assert page.index('value="emulator"') < page.index('value="production"')
        assert " checked" in page[page.index('value="emulator"') : page.index("Demo org")]
        assert salesforce.url in page

    def test_the_callback_counts_once(self, admin: Client, salesforce: EmulatedOrg) -> None:
        back = salesforce.answer(leave(admin))
        admin.get(CALLBACK, back)
        problem(admin, back, "state_mismatch")
        assert Connection.objects.count() == 1

    def test_a_second_authorisation_of_an_org_is_a_reconnect(self, admin: Client, salesforce: EmulatedOrg) -> None:
        for _ in range(2):
            admin.get(CALLBACK, salesforce.answer(leave(admin)))
        assert Connection.objects.count() == 1

    def test_two_attempts_in_two_tabs_do_not_disturb_each_other(self, admin: Client, salesforce: EmulatedOrg) -> None:
        first, second = leave(admin), leave(admin)
        assert admin.get(CALLBACK, salesforce.answer(first)).status_code == 302
        assert admin.get(CALLBACK, salesforce.answer(second)).status_code == 302

    def test_reconnect_keeps_the_stored_secret(self, admin: Client, salesforce: EmulatedOrg) -> None:
        admin.get(CALLBACK, salesforce.answer(leave(admin)))
        connection = Connection.objects.get()
        address = reverse("reconnect", args=[connection.pk])
        assert connection.client_id in admin.get(address).text
        back = salesforce.answer(leave(admin, address, client_secret=""))
        assert admin.get(CALLBACK, back).status_code == 302
        connection.refresh_from_db()
        assert sealing.unseal(connection.secret.sealed)["client_secret"] == APP["client_secret"]

    def test_neither_the_secret_nor_a_token_is_ever_shown(self, admin: Client, salesforce: EmulatedOrg) -> None:
        admin.get(CALLBACK, salesforce.answer(leave(admin)))
        connection = Connection.objects.get()
        secrets = [value for value in sealing.unseal(connection.secret.sealed).values() if value]
        for name in ("connection", "connected", "reconnect", "disable", "activity"):
            page = admin.get(reverse(name, args=[connection.pk])).text
            assert not any(secret in page for secret in secrets), name

    def test_check_again(self, admin: Client, salesforce: EmulatedOrg) -> None:
        admin.get(CALLBACK, salesforce.answer(leave(admin)))
        connection = Connection.objects.get()
        Connection.objects.update(checks=[])
        answer = admin.post(reverse("check", args=[connection.pk]), follow=True)
        assert "Edition" in answer.text

    def test_disable_asks_then_keeps_everything(self, admin: Client, salesforce: EmulatedOrg) -> None:
        admin.get(CALLBACK, salesforce.answer(leave(admin)))
        connection = Connection.objects.get()
        address = reverse("disable", args=[connection.pk])
        assert "Every setting and mapping is kept" in admin.get(address).text
        connection.refresh_from_db()
        assert connection.status == Connection.Status.ACTIVE, "asking changes nothing"
        answer = admin.post(address, follow=True)
        assert "is disabled. Its settings and all its data are kept." in answer.text
        connection.refresh_from_db()
        assert connection.status == Connection.Status.INACTIVE
        assert connection.objects_settings.count() == 5


class TestItFails:
    def test_consent_denied(self, admin: Client, salesforce: EmulatedOrg) -> None:
        page = problem(admin, salesforce.answer(leave(admin), "deny"), "access_denied")
        assert "end-user denied authorization" in page
        assert AUTHORIZE in page
        assert not Connection.objects.exists()

    @pytest.mark.parametrize("query", [{}, {"code": "x", "state": "unknown"}, {"error": "access_denied"}])
    def test_a_callback_that_this_browser_did_not_begin(self, admin: Client, query: dict[str, str]) -> None:
        problem(admin, query, "state_mismatch")

    def test_expired_state(self, admin: Client, salesforce: EmulatedOrg) -> None:
        back = salesforce.answer(leave(admin))
        session = admin.session
        for pending in session["salesforce_pending"].values():
            pending["began"] = "2020-01-01T00:00:00+00:00"
        session.save()
        problem(admin, back, "state_mismatch")

    def test_invalid_grant(self, admin: Client, salesforce: EmulatedOrg) -> None:
        back = salesforce.answer(leave(admin))
        page = problem(admin, {**back, "code": "aPrx.wrong"}, "invalid_grant")
        assert "Invalid Grant" in page or "took too long" in page

    def test_wrong_secret(self, admin: Client, salesforce: EmulatedOrg) -> None:
        back = salesforce.answer(leave(admin, client_secret="wrong"))
        problem(admin, back, "invalid_client")

    def test_no_secret_where_the_app_requires_one(self, admin: Client, salesforce: EmulatedOrg) -> None:
        back = salesforce.answer(leave(admin, client_secret=""))
        assert "none was entered" in problem(admin, back, "invalid_client")

    @pytest.mark.parametrize(
        ("code", "message", "title"),
        [
            ("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", "API not enabled"),
            ("API_CURRENTLY_DISABLED", "API is not enabled for this user", "Insufficient Privileges"),
        ],
    )
    def test_what_the_org_or_the_user_may_not(
        self, admin: Client, salesforce: EmulatedOrg, code: str, message: str, title: str
    ) -> None:
        back = salesforce.answer(leave(admin))
        salesforce.fault(
            "/services/data/v", action="status", status=403, body=[{"message": message, "errorCode": code}]
        )
        page = problem(admin, back, code)
        assert title in page
        assert message in page
        assert not Connection.objects.exists()

    def test_salesforce_cannot_be_reached(self, admin: Client, salesforce: EmulatedOrg) -> None:
        back = salesforce.answer(leave(admin))
        salesforce.fault("/services/oauth2/token", action="status", status=503)
        answer = admin.get(CALLBACK, back)
        assert answer.status_code == 400
        assert "reached" in answer.text
        assert "Authorize again" in answer.text

    def test_another_org_on_reconnect(self, admin: Client, salesforce: EmulatedOrg) -> None:
        other = made.connect(org_name="Someone Else")
        back = salesforce.answer(leave(admin, reverse("reconnect", args=[other.pk])))
        page = problem(admin, back, "wrong_org")
        assert "Someone Else" in page
        assert "are untouched" in page
        assert reverse("reconnect", args=[other.pk]) in page
        assert reverse("replace", args=[other.pk]) in page
        assert "abmatic replace &quot;" in page or 'abmatic replace "' in page
        other.refresh_from_db()
        assert other.org_name == "Someone Else"

    @pytest.mark.parametrize(
        "domain", ["evil.example", "https://login.salesforce.com.evil.example", "http://127.0.0.1:1", "salesforce.com"]
    )
    def test_a_host_that_is_not_salesforce_is_refused_in_the_form(self, admin: Client, domain: str) -> None:
        answer = admin.post(AUTHORIZE, {"kind": "domain", "my_domain": domain, **APP})
        assert answer.status_code == 400
        assert "Not a Salesforce address" in answer.text
        assert APP["client_id"] in answer.text, "what was typed is kept"
        assert APP["client_secret"] not in answer.text

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"kind": "domain"}, "my_domain"),
            ({"kind": "production", "client_id": ""}, "client_id"),
            ({"kind": "moon"}, "kind"),
        ],
    )
    def test_what_is_missing_is_named(self, admin: Client, sent: dict[str, str], field: str) -> None:
        answer = admin.post(AUTHORIZE, {**APP, **sent})
        assert answer.context["form"].errors[field]

    def test_an_emulator_is_found_without_its_scheme(self, admin: Client, salesforce: EmulatedOrg) -> None:
        answer = admin.post(AUTHORIZE, {"kind": "domain", "my_domain": f" {salesforce.host} ", **APP})
        assert answer.headers["Location"].startswith(f"{salesforce.url}/services/oauth2/authorize?")

    def test_nobody_is_sent_to_an_address_that_does_not_answer(self, admin: Client, salesforce: EmulatedOrg) -> None:
        answer = admin.post(AUTHORIZE, {"kind": "domain", "my_domain": f"https://{salesforce.host}", **APP})
        assert answer.status_code == 400
        assert "Nobody answers at this address" in answer.text
        assert f"enter it as {salesforce.url}" in answer.text
        assert f'value="https://{salesforce.host}"' in answer.text, "what was typed is still there"

    def test_a_reconnect_whose_stored_secret_cannot_be_opened_asks_for_it(
        self, admin: Client, connection: Connection
    ) -> None:
        connection.secret.sealed = b"gAAAAbroken"
        connection.secret.save()
        answer = admin.post(
            reverse("reconnect", args=[connection.pk]), {"kind": "production", "client_id": "x", "client_secret": ""}
        )
        assert "encryption keys" in str(answer.context["form"].errors["client_secret"])


def test_the_guide_shows_the_callback_url_and_the_scopes(admin: Client) -> None:
    page = admin.get(AUTHORIZE).text
    assert 'value="http://127.0.0.1:8000/settings/integrations/salesforce/callback/"' in page
    for words in ("External Client App Manager", "Manage user data via APIs", "Perform requests at any time"):
        assert words in page


def test_opened_at_another_name_it_says_where_to_go(admin: Client, settings: Any) -> None:
    settings.BASE_URL = "https://abm.example.com"
    page = admin.get(AUTHORIZE, headers={"Host": "127.0.0.1:8000"}).text
    assert "https://abm.example.com/settings/integrations/salesforce/authorize/" in page
    settings.BASE_URL = "http://127.0.0.1:8000"
    assert "its own address" not in admin.get(AUTHORIZE, headers={"Host": "127.0.0.1:8000"}).text
