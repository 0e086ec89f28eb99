"""Which addresses may be typed as a login address, and which an org may answer from."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.salesforce import LoginHosts, errors

HOSTS = LoginHosts()


@pytest.mark.parametrize(
    ("typed", "origin", "kind", "audience"),
    [
        ("login.salesforce.com", "https://login.salesforce.com", "production", "https://login.salesforce.com"),
        ("https://LOGIN.salesforce.com/", "https://login.salesforce.com", "production", "https://login.salesforce.com"),
        (" https://test.salesforce.com ", "https://test.salesforce.com", "sandbox", "https://test.salesforce.com"),
        ("https://login.salesforce.com:443", "https://login.salesforce.com", "production", None),
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com", "my_domain", "https://login.salesforce.com"),
        (
            "https://acme--uat.sandbox.my.salesforce.com/setup?x=1#y",
            "https://acme--uat.sandbox.my.salesforce.com",
            "my_domain",
            "https://test.salesforce.com",
        ),
        (
            "acme-dev-ed.develop.my.salesforce.com",
            "https://acme-dev-ed.develop.my.salesforce.com",
            "my_domain",
            "https://login.salesforce.com",
        ),
        ("acme.scratch.my.salesforce.com", "https://acme.scratch.my.salesforce.com", "my_domain", None),
        ("agency.my.salesforce.mil", "https://agency.my.salesforce.mil", "my_domain", None),
        (
            "https://acme.lightning.force.com/lightning/page/home",
            "https://acme.my.salesforce.com",
            "my_domain",
            None,
        ),
        (
            "https://acme--uat.sandbox.lightning.force.com/",
            "https://acme--uat.sandbox.my.salesforce.com",
            "my_domain",
            None,
        ),
        ("https://acme.my.salesforce-setup.com/x", "https://acme.my.salesforce.com", "my_domain", None),
    ],
)
def test_a_salesforce_login_address_is_accepted(typed: str, origin: str, kind: str, audience: str | None) -> None:
    host = HOSTS.login(typed)
    assert (host.origin, host.kind) == (origin, kind)
    assert audience in (None, host.audience)


HOSTILE = [
    "login.salesforce.com.evil.com",
    "https://login.salesforce.com@evil.com/",
    "https://salesforce.com@evil",
    "https://user:pw@login.salesforce.com",
    "https://evil.com/login.salesforce.com",
    "https://evil.com#login.salesforce.com",
    "https://evil.com?login.salesforce.com",
    "https://evil.com\\@login.salesforce.com",
    "https://login.salesforce.com\\.evil.com",
    "https://login.salesforce.com\n.evil.com",
    "https://login.salesforce.com\x00.evil.com",
    "https://login.salesforce.com:8443",
    "https://login.salesforce.com:0443x",
    "http://login.salesforce.com",
    "ftp://login.salesforce.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//login.salesforce.com",
    "https:login.salesforce.com",
    "loginsalesforce.com",
    "evil-login.salesforce.com",
    "xlogin.salesforce.com",
    "my.salesforce.com",
    ".my.salesforce.com",
    "a.b.my.salesforce.com",
    "acme.evil.my.salesforce.com",
    "-acme.my.salesforce.com",
    "acme_x.my.salesforce.com",
    "acme.my.salesforce.com.",
    "acme.my.salesforce.com..",
    "acme.my.salesforce.co",
    "acme.my-salesforce.com",
    "xn--cme-5cd.my.salesforce.com",
    "аcme.my.salesforce.com",  # a Cyrillic a
    "login.salesforce。com",  # an ideographic full stop, which IDNA turns into a dot
    "login.ſalesforce.com",  # a long s, which IDNA turns into an s
    "127.0.0.1",
    "http://127.0.0.1:8080",
    "[::1]",
    "0x7f000001",
    "2130706433",
    "localhost",
    "169.254.169.254",
    "na123.salesforce.com",
    "",
    " ",
    "https://",
]


@pytest.mark.parametrize("typed", HOSTILE)
def test_anything_else_is_refused_as_login_address(typed: str) -> None:
    with pytest.raises(errors.HostRefused) as refused:
        HOSTS.login(typed)
    assert "login.salesforce.com" in refused.value.remedy or "https://" in refused.value.remedy


@pytest.mark.parametrize(
    "typed", [*(h for h in HOSTILE if h != "na123.salesforce.com"), "https://login.salesforce.com"]
)
def test_anything_else_is_refused_as_instance(typed: str) -> None:
    with pytest.raises(errors.HostRefused):
        HOSTS.instance(typed)


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.my.salesforce.com",
        "https://acme--uat.sandbox.my.salesforce.com",
        "https://na123.salesforce.com",
        "https://cs45.salesforce.com",
        "https://usa2s.salesforce.com",
        "https://acme.cloudforce.com",
        "https://acme.database.com",
    ],
)
def test_an_org_answers_from_its_my_domain_or_a_legacy_instance(url: str) -> None:
    assert HOSTS.instance(url + "/") == url


def test_a_password_typed_into_the_address_is_not_repeated() -> None:
    with pytest.raises(errors.HostRefused) as refused:
        HOSTS.login("https://ada:hunter2@login.salesforce.com")
    assert "hunter2" not in str(refused.value) + repr(refused.value)


def test_the_emulator_is_allowed_only_by_name_and_port() -> None:
    hosts = LoginHosts(frozenset({"127.0.0.1:8080", "emulator.internal"}))
    assert hosts.login("http://127.0.0.1:8080").origin == "http://127.0.0.1:8080"
    assert hosts.login("127.0.0.1:8080/").origin == "http://127.0.0.1:8080"
    assert hosts.login("https://emulator.internal").origin == "https://emulator.internal"
    assert hosts.login("http://emulator.internal/").kind == "extra"
    assert hosts.instance("http://127.0.0.1:8080") == "http://127.0.0.1:8080"
    for other in ("http://127.0.0.1:8081", "http://127.0.0.1", "http://emulator.internal:99", "http://localhost:8080"):
        with pytest.raises(errors.HostRefused):
            hosts.login(other)


SALESFORCE = re.compile(
    r"https://(login|test|[a-z0-9-]+(\.[a-z]+)?\.my)\.salesforce\.(com|mil)|https://[a-z0-9-]+\.my\.sfcrm(products|apps)\.cn"
)

PIECES = [
    *("https://", "http://", "login", "acme", ".my", ".salesforce.com", ".com", "evil", "127.0.0.1", "443"),
    *("@", ":", "/", "\\", "#", "?", ".", "%2e", "ﬀ", "。", "[", "]", "\t"),
]


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(PIECES),
        max_size=8,
    ).map("".join)
)
def test_whatever_is_typed_leads_to_salesforce_or_nowhere(typed: str) -> None:
    try:
        origin = HOSTS.login(typed).origin
    except errors.HostRefused:
        return
    assert SALESFORCE.fullmatch(origin)
