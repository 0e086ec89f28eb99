"""Who may open what: every address for every person. A new address without a row here fails."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import transaction
from django.test import Client
from tests.web import addresses
from tests.web.conftest import SignedIn

from abmatic.identity.models import User

EVERYBODY = "everybody"
SIGNED_IN = "signed in"
OPERATORS = "operators"
ADMINISTRATORS = "administrators"

WHO = {
    "setup": EVERYBODY,
    "one-time-link": EVERYBODY,
    "health": EVERYBODY,
    "account_login": EVERYBODY,
    "account_logout": EVERYBODY,
    "account_inactive": EVERYBODY,
    "mfa_authenticate": EVERYBODY,
    "single-sign-on": EVERYBODY,
    "socialaccount_login_cancelled": EVERYBODY,
    "openid_connect_callback": EVERYBODY,
    "account_reauthenticate": SIGNED_IN,
    "mfa_reauthenticate": SIGNED_IN,
    "mfa_activate_totp": SIGNED_IN,
    "mfa_deactivate_totp": SIGNED_IN,
    "mfa_view_recovery_codes": SIGNED_IN,
    "mfa_generate_recovery_codes": SIGNED_IN,
    "mfa_download_recovery_codes": SIGNED_IN,
    "profile": SIGNED_IN,
    "notifications": SIGNED_IN,
    "bell": SIGNED_IN,
    "test-mail": SIGNED_IN,
    "mfa_index": SIGNED_IN,
    "end-session": SIGNED_IN,
    "end-other-sessions": SIGNED_IN,
    "account_change_password": SIGNED_IN,
    "account_set_password": SIGNED_IN,
    "home": SIGNED_IN,
    "search": SIGNED_IN,
    "syncs": SIGNED_IN,
    "tour": OPERATORS,
    "accounts": SIGNED_IN,
    "account-collections": SIGNED_IN,
    "account-collection": SIGNED_IN,
    "account-overview": SIGNED_IN,
    "account-contacts": SIGNED_IN,
    "account-opportunities": SIGNED_IN,
    "account-journey": SIGNED_IN,
    **dict.fromkeys(("visitors", "visitor", "account-engagement", "contact-engagement"), SIGNED_IN),
    **dict.fromkeys(
        ("attribution", "attribution-csv", "attribution-credits", "attribution-credits-csv", "attribution-settings"),
        SIGNED_IN,
    ),
    "account-timeline": SIGNED_IN,
    "account-sync": SIGNED_IN,
    "contacts": SIGNED_IN,
    "contact-collections": SIGNED_IN,
    "contact-collection": SIGNED_IN,
    "contact-overview": SIGNED_IN,
    "contact-opportunities": SIGNED_IN,
    "contact-campaigns": SIGNED_IN,
    "contact-timeline": SIGNED_IN,
    "contact-sync": SIGNED_IN,
    "opportunities": SIGNED_IN,
    "opportunity-collections": SIGNED_IN,
    "opportunity-collection": SIGNED_IN,
    "opportunity-overview": SIGNED_IN,
    "opportunity-contacts": SIGNED_IN,
    "opportunity-timeline": SIGNED_IN,
    "opportunity-sync": SIGNED_IN,
    "opportunity-link": OPERATORS,
    **{f"{record}-new": OPERATORS for record in addresses.RECORDS},
    "account-pick": OPERATORS,
    **{f"{record}-set": OPERATORS for record in addresses.RECORDS},
    "field-edit": OPERATORS,
    "field-edit-live": OPERATORS,
    "field-edit-cancel": OPERATORS,
    "field-edit-put-back": OPERATORS,
    **{f"{record}-field": OPERATORS for record in (*addresses.RECORDS, "campaign")},
    **{f"{record}-gap": OPERATORS for record in (*addresses.RECORDS, "campaign")},
    **{f"{record}-field-history": SIGNED_IN for record in (*addresses.RECORDS, "campaign")},
    "campaigns": SIGNED_IN,
    "campaign-overview": SIGNED_IN,
    "campaign-members": SIGNED_IN,
    "campaign-rules": SIGNED_IN,
    **dict.fromkeys(("campaign-rule-remove", "campaign-link", "campaign-unlink", "campaign-create-there"), OPERATORS),
    "campaign-web": SIGNED_IN,
    "campaign-experience": SIGNED_IN,
    **dict.fromkeys((f"campaign-experience-{act}" for act in ("new", "edit", "switch", "remove")), OPERATORS),
    **dict.fromkeys(("campaign-new", "campaign-add", "campaign-joining-stop", "contact-pick"), OPERATORS),
    "contact-campaign": OPERATORS,
    "campaign-opportunities": SIGNED_IN,
    "campaign-timeline": SIGNED_IN,
    "campaign-sync": SIGNED_IN,
    **{f"{record}-view-{act}": SIGNED_IN for record in addresses.RECORDS for act in ("save", "delete")},
    **{f"{record}-selected": SIGNED_IN for record in addresses.RECORDS},
    **{f"{record}-{act}": OPERATORS for record in addresses.RECORDS for act in ("push", "from-crm", "crm-choices")},
    **dict.fromkeys(("crm-import", "crm-import-start", "crm-import-stop"), OPERATORS),
    **dict.fromkeys(("push", "push-choose", "push-start", "push-stop"), OPERATORS),
    **dict.fromkeys(addresses.IMPORTS, OPERATORS),
    **{f"{record}-collection-{act}": OPERATORS for record in addresses.RECORDS for act in ("new", "edit", "delete")},
    "settings": SIGNED_IN,
    "integrations": SIGNED_IN,
    "connection": SIGNED_IN,
    "connection-visits": SIGNED_IN,
    "connection-visits-switch": ADMINISTRATORS,
    "activity": SIGNED_IN,
    "run": SIGNED_IN,
    "run-live": SIGNED_IN,
    "findings": SIGNED_IN,
    "findings-csv": SIGNED_IN,
    "records-csv": SIGNED_IN,
    "runs-csv": SIGNED_IN,
    "issues": SIGNED_IN,
    "issues-csv": SIGNED_IN,
    "issues-live": SIGNED_IN,
    "issues-retry": OPERATORS,
    "run-undo": OPERATORS,
    "run-undo-removal": ADMINISTRATORS,
    "object-settings": SIGNED_IN,
    "object-panel": SIGNED_IN,
    "object-filter-count": SIGNED_IN,
    "object-sync": OPERATORS,
    "object-preview": OPERATORS,
    "object-preview-job": OPERATORS,
    "object-salesforce-fields": ADMINISTRATORS,
    "object-abmatic-fields": ADMINISTRATORS,
    "object-mapping": ADMINISTRATORS,
    "object-notes": ADMINISTRATORS,
    "settings-file": ADMINISTRATORS,
    "settings-yaml": ADMINISTRATORS,
    "sync-now": OPERATORS,
    "run-cancel": OPERATORS,
    "authorize": ADMINISTRATORS,
    "callback": ADMINISTRATORS,
    "connected": ADMINISTRATORS,
    "reconnect": ADMINISTRATORS,
    "check": ADMINISTRATORS,
    "disable": ADMINISTRATORS,
    "replace": ADMINISTRATORS,
    "users": ADMINISTRATORS,
    "change-user": ADMINISTRATORS,
    "user-link": ADMINISTRATORS,
    "reset-second-factor": ADMINISTRATORS,
    "sign-in-policy": ADMINISTRATORS,
    "api-keys": ADMINISTRATORS,
    "audit": ADMINISTRATORS,
    "audit-csv": ADMINISTRATORS,
    "revoke-api-key": ADMINISTRATORS,
    **dict.fromkeys(["tracking-sites", "tracking-site", "tracking-site-live"], SIGNED_IN),
    **dict.fromkeys(["tracking-site-new", "tracking-site-edit"], ADMINISTRATORS),
    **dict.fromkeys(["webhooks", "webhook-test", "webhook-switch", "webhook-remove"], ADMINISTRATORS),
}
ACTIONS = {
    *(f"{record}-gap" for record in (*addresses.RECORDS, "campaign")),
    "contact-campaign", "campaign-joining-stop", "campaign-rule-remove", "opportunity-link",
    "campaign-unlink", "campaign-create-there", "campaign-experience-switch", "campaign-experience-remove",
    "field-edit-cancel", "field-edit-put-back", *(f"{record}-set" for record in addresses.RECORDS),
    "object-filter-count", "object-sync", "object-preview", "object-mapping", "object-notes",
    "connection-visits-switch",
    "sync-now", "run-cancel", "issues-retry", "check", "disable", "change-user", "user-link", "revoke-api-key",
    "webhook-test", "webhook-switch", "webhook-remove",
    "reset-second-factor", "sign-in-policy", "end-session", "end-other-sessions", "test-mail",
    *(f"{record}-{act}" for record in addresses.RECORDS for act in ("view-save", "view-delete", "selected", "push")),
    "push-choose", "push-start", "push-stop", "crm-import-start", "crm-import-stop",
    *(f"{record}-import-{act}" for record in addresses.IMPORTED for act in ("notes", "start", "cancel")),
}  # fmt: skip
# What a form is sent to: who may look at it need not be who may send it. What is neither here nor an action only
# answers questions.
FORMS = {
    **dict.fromkeys(["setup", "one-time-link", "account_login", "account_logout", "mfa_authenticate"], EVERYBODY),
    **dict.fromkeys(
        [
            "account_change_password", "account_set_password", "account_reauthenticate", "mfa_reauthenticate",
            "mfa_activate_totp", "mfa_deactivate_totp", "mfa_generate_recovery_codes", "mfa_index", "profile",
            # These lead on, however they are asked.
            "settings", "mfa_download_recovery_codes",
        ],
        SIGNED_IN,
    ),
    **{f"{record}-collection-{act}": OPERATORS for record in addresses.RECORDS for act in ("new", "edit", "delete")},
    **{f"{record}-field": OPERATORS for record in (*addresses.RECORDS, "campaign")},
    **dict.fromkeys(["run-undo", "object-preview-job", "tour", "attribution-settings"], OPERATORS),
    **dict.fromkeys(["campaign-experience-new", "campaign-experience-edit"], OPERATORS),
    **{f"{record}-{act}": OPERATORS for record in addresses.RECORDS for act in ("from-crm", "new")},
    **dict.fromkeys(("campaign-new", "campaign-add", "campaign-rules", "campaign-link"), OPERATORS),
    **{f"{record}-{act}": OPERATORS for record in addresses.IMPORTED for act in ("import", "imports")},
    **dict.fromkeys(
        ["authorize", "reconnect", "replace", "object-settings", "settings-file", "users", "api-keys", "webhooks",
         "tracking-site-new", "tracking-site-edit"],
        ADMINISTRATORS,
    ),
}  # fmt: skip
# Lead back whether there was anything to end or not.
SILENT = {"end-session", *(f"{record}-view-delete" for record in addresses.RECORDS)}
# Pages about a second factor, for those who have one.
WITH_FACTOR = {"mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_download_recovery_codes"}
ALLOWED = {
    EVERYBODY: {"alice", "oscar", "vera", "stranger"},
    SIGNED_IN: {"alice", "oscar", "vera"},
    OPERATORS: {"alice", "oscar"},
    ADMINISTRATORS: {"alice"},
}

pytestmark = pytest.mark.django_db


def test_the_table_names_every_address() -> None:
    assert set(WHO) == set(addresses.names())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any) -> addresses.World:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=True)  # where there is a tour
    addresses.without_an_org(monkeypatch)
    return addresses.make_world()


@pytest.mark.parametrize("name", sorted(WHO))
def test_who_may(name: str, world: addresses.World, alice: User, oscar: User, vera: User, signed_in: SignedIn) -> None:
    browsers = {"alice": signed_in(alice), "oscar": signed_in(oscar), "vera": signed_in(vera), "stranger": Client()}
    for user in (alice, oscar, vera) if name in WITH_FACTOR else ():
        RecoveryCodes.activate(TOTP.activate(user, generate_totp_secret()).instance.user)
    address = world.address(name)
    for who, browser in browsers.items():
        answer = browser.post(address) if name in ACTIONS else browser.get(address)
        sign_in = answer.headers.get("Location", "").startswith("/user/sign-in/?next=")
        if who in ALLOWED[WHO[name]]:
            assert answer.status_code not in {403, 404, 500}, f"{who} is kept from {name}"
            assert not sign_in, f"{who} is asked to sign in for {name}"
        elif who == "stranger":
            assert sign_in, f"a stranger gets {answer.status_code} for {name}"
        else:
            assert answer.status_code == 403, f"{who} gets {answer.status_code} for {name}"
            assert "An administrator can change your role" in answer.text


@pytest.mark.parametrize("name", sorted(set(WHO) - ACTIONS))
def test_who_may_send(
    name: str, world: addresses.World, alice: User, oscar: User, vera: User, signed_in: SignedIn
) -> None:
    browsers = {"alice": signed_in(alice), "oscar": signed_in(oscar), "vera": signed_in(vera), "stranger": Client()}
    for user in (alice, oscar, vera) if name in WITH_FACTOR else ():
        RecoveryCodes.activate(TOTP.activate(user, generate_totp_secret()).instance.user)
    address = world.address(name)
    for who, browser in browsers.items():
        with transaction.atomic():  # what one person sends is gone before the next one does
            answer = browser.post(address)
            transaction.set_rollback(True)
        sign_in = answer.headers.get("Location", "").startswith("/user/sign-in/?next=")
        if who == "stranger" and WHO[name] != EVERYBODY:
            assert sign_in, f"a stranger gets {answer.status_code} for {name}"
        elif name not in FORMS:
            # Some ask for the role first, some whether anything may be sent.
            refused = {405} if who in ALLOWED[WHO[name]] else {403, 405}
            assert answer.status_code in refused, f"{who} may send something to {name}: {answer.status_code}"
        elif who in ALLOWED[FORMS[name]]:
            assert answer.status_code not in {403, 404, 405, 500}, f"{who} is kept from {name}"
        else:
            assert answer.status_code == 403, f"{who} gets {answer.status_code} for {name}"


@pytest.mark.parametrize("unknown", [987_654_321, 10**30])
@pytest.mark.parametrize("name", sorted(WHO))
def test_nobody_gets_what_does_not_exist(
    name: str, unknown: int, world: addresses.World, admin: Client, vera: User, signed_in: SignedIn
) -> None:
    known = world.address(name)
    address = re.sub(r"(?<=/)\d+(?=[/.])", str(unknown), known)
    if address == known:
        return
    for browser, is_allowed in ((admin, True), (signed_in(vera), WHO[name] == SIGNED_IN), (Client(), False)):
        answer = browser.post(address) if name in ACTIONS else browser.get(address)
        if is_allowed:
            assert answer.status_code == 302 if name in SILENT else answer.status_code == 404, answer.status_code
        else:
            # Who may not look isn't told whether there is anything.
            assert answer.status_code in {302, 403}, answer.status_code


@pytest.mark.parametrize("name", sorted(ACTIONS - {"disable"}))
def test_actions_answer_no_links(name: str, world: addresses.World, admin: Client) -> None:
    assert admin.get(world.address(name)).status_code == 405


@pytest.mark.parametrize("who", ["oscar", "vera"])
def test_only_administrators_save_settings(
    who: str, world: addresses.World, oscar: User, vera: User, signed_in: SignedIn
) -> None:
    browser = signed_in({"oscar": oscar, "vera": vera}[who])
    page = browser.get(world.address("object-settings")).text
    assert '<fieldset class="bare-set" disabled>' in page
    for button in (">Save<", "Add Mapping", "Recommended for first set-up", "Settings as a file"):
        assert button not in page
    assert ("Sync Accounts Manually" in page) == (who == "oscar")
    assert browser.post(world.address("object-settings"), {"mark": "0"}).status_code == 403


def test_viewers_see_no_buttons_they_may_not_press(world: addresses.World, vera: User, signed_in: SignedIn) -> None:
    browser = signed_in(vera)
    page = browser.get(world.address("connection")).text + browser.get(world.address("integrations")).text
    for action in ("sync-now", "reconnect", "disable", "connected"):
        assert world.address(action) not in page, action
