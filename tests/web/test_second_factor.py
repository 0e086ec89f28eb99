"""Authenticator apps and recovery codes, and the policy that everybody needs one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from tests.web.conftest import PASSWORD, SignedIn

from abmatic.identity import links, people, second_factor
from abmatic.identity.models import AuditEntry, Role, User

pytestmark = pytest.mark.django_db


def code_of(key: str) -> str:
    """What an authenticator app shows (RFC 6238), written down here a second time."""
    digest = hmac.new(base64.b32decode(key), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def confirm(browser: Client, answer: object) -> None:
    where = answer.headers["Location"]  # type: ignore[attr-defined]
    assert where.startswith("/user/confirm/")
    assert browser.post(where, {"password": PASSWORD}).status_code == 302


def add_app(browser: Client) -> str:
    """Adds an app as a person does; answers its key."""
    address = reverse("mfa_activate_totp")
    answer = browser.get(address)
    if answer.status_code == 302:
        confirm(browser, answer)
        answer = browser.get(address)
    key = re.search(r"data-key>([A-Z2-7]+)<", answer.text)
    assert key
    assert "data:image/svg+xml;base64," in answer.text
    assert "Incorrect code" in browser.post(address, {"code": "000000"}).text
    done = browser.post(address, {"code": code_of(key[1])})
    assert done.headers["Location"] == reverse("mfa_view_recovery_codes")
    cache.clear()  # the code of this half minute is used up
    return key[1]


def password(browser: Client, user: User) -> str:
    answer = browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return str(answer.headers["Location"])


def test_a_password_alone_no_longer_does(vera: User, signed_in: SignedIn) -> None:
    key = add_app(signed_in(vera))
    browser = Client()
    assert password(browser, vera) == reverse("mfa_authenticate")
    assert browser.get("/").headers["Location"].startswith("/user/sign-in/")
    assert "Incorrect code" in browser.post(reverse("mfa_authenticate"), {"code": "123456"}).text
    code = code_of(key)
    assert browser.post(reverse("mfa_authenticate"), {"code": code}).headers["Location"] == "/"
    assert browser.get("/").status_code == 200
    second = Client()
    password(second, vera)
    assert "Incorrect code" in second.post(reverse("mfa_authenticate"), {"code": code}).text, "once only"


def test_a_recovery_code_works_once(vera: User, signed_in: SignedIn) -> None:
    browser = signed_in(vera)
    add_app(browser)
    codes = re.findall(r"<li>([0-9 -]+)</li>", browser.get(reverse("mfa_view_recovery_codes")).text)
    assert len(codes) == 10
    for expected in ("/", None):
        other = Client()
        password(other, vera)
        answer = other.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert answer.headers.get("Location") == expected


def test_what_codes_are_made_of_is_sealed(vera: User, signed_in: SignedIn) -> None:
    key = add_app(signed_in(vera))
    kept = repr([factor.data for factor in Authenticator.objects.all()])
    assert key not in kept
    assert kept.count("gAAAA") == 2
    before = kept
    assert second_factor.reseal() == 2
    assert repr([factor.data for factor in Authenticator.objects.all()]) != before
    browser = Client()
    password(browser, vera)
    assert browser.post(reverse("mfa_authenticate"), {"code": code_of(key)}).headers["Location"] == "/"


def test_a_link_doesn_t_go_around_it(vera: User, signed_in: SignedIn) -> None:
    add_app(signed_in(vera))
    browser = Client()
    browser.post(f"/in/{links.issue(vera)}/", REMOTE_ADDR="192.0.2.7")
    assert browser.get("/").headers["Location"].startswith("/user/sign-in/")


def test_everybody_needs_one(admin: Client, alice: User, vera: User, signed_in: SignedIn) -> None:
    key = add_app(admin)
    browser = signed_in(vera)
    admin.post(reverse("sign-in-policy"), {"second_factor": "1"})
    assert admin.get("/").status_code == 200, "has one"
    assert browser.get("/accounts/").headers["Location"] == reverse("mfa_activate_totp")
    part = browser.get("/syncs/", headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"] == reverse("mfa_activate_totp")
    assert browser.get(reverse("profile")).status_code == 302
    nina = people.add("nina@example.com", role=Role.VIEWER)
    assert nina.pk in set(User.objects.filter(lacks_second_factor=True).values_list("pk", flat=True))
    add_app(browser)
    assert browser.get("/accounts/").status_code == 200
    removal = browser.post(reverse("mfa_deactivate_totp"))
    assert "cannot deactivate" in removal.text
    assert second_factor.has_one(vera)
    admin.post(reverse("sign-in-policy"), {"second_factor": "0"})
    assert signed_in(nina).get("/").status_code == 200
    assert key
    acts = AuditEntry.objects.filter(act="policy changed")
    assert [each.differences[0]["after"] for each in acts.order_by("id")] == [True, False]


def test_removing_it(vera: User, signed_in: SignedIn) -> None:
    browser = signed_in(vera)
    add_app(browser)
    assert browser.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert not Authenticator.objects.exists()
    assert password(Client(), vera) == "/"


def test_an_administrator_resets_what_was_lost(admin: Client, vera: User, signed_in: SignedIn) -> None:
    browser = signed_in(vera)
    add_app(browser)
    second_factor.require(True)
    second_factor.require(False)
    admin.post(reverse("reset-second-factor", args=[vera.pk]))
    assert not second_factor.has_one(vera)
    entry = AuditEntry.objects.latest("id")
    assert (entry.act, entry.by) == ("second factor reset", "Alice Adler <alice@example.com>")
    assert password(Client(), vera) == "/"
