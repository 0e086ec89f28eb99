"""Mail server and identity provider: what their settings mean, and what is wrong with wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from abmatic.config.environment import SettingError, load

OIDC = {
    "ABMATIC_OIDC_ISSUER": "https://login.example.com/",
    "ABMATIC_OIDC_CLIENT_ID": "abmatic",
    "ABMATIC_OIDC_CLIENT_SECRET": "s3cret",
}


def read(tmp_path: Path, **values: str) -> object:
    return load({"ABMATIC_DATA_DIR": str(tmp_path), **values})


@pytest.mark.parametrize(
    ("url", "port", "tls", "starttls"),
    [
        ("smtps://me:p%40ss@mail.example.com", 465, True, False),
        ("smtp://me:p%40ss@mail.example.com", 587, False, True),
        ("smtp://me:p%40ss@mail.example.com:25?starttls=off", 25, False, False),
    ],
)
def test_mail_servers(tmp_path: Path, url: str, port: int, tls: bool, starttls: bool) -> None:
    found = load({"ABMATIC_DATA_DIR": str(tmp_path), "ABMATIC_SMTP_URL": url, "ABMATIC_MAIL_FROM": "a@b.example"})
    assert found.mail is not None
    assert (found.mail.host, found.mail.port, found.mail.tls, found.mail.starttls) == (
        "mail.example.com", port, tls, starttls,
    )  # fmt: skip
    assert (found.mail.user, found.mail.password) == ("me", "p@ss")
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://x.example", "smtp://", "smtp://h:port", "smtps://h?starttls=off", "smtp://h/x"]
)
def test_a_mail_server_that_can_t_be_read(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingError, match="ABMATIC_SMTP_URL"):
        read(tmp_path, ABMATIC_SMTP_URL=url, ABMATIC_MAIL_FROM="a@b.example")


def test_mail_needs_both(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="ABMATIC_MAIL_FROM"):
        read(tmp_path, ABMATIC_SMTP_URL="smtp://mail.example.com")
    with pytest.raises(SettingError, match="ABMATIC_SMTP_URL"):
        read(tmp_path, ABMATIC_MAIL_FROM="a@b.example")


def test_an_identity_provider(tmp_path: Path) -> None:
    found = load({"ABMATIC_DATA_DIR": str(tmp_path), **OIDC, "ABMATIC_OIDC_DOMAINS": "@Example.com, b.example"})
    provider = found.identity_provider
    assert provider is not None
    assert (provider.issuer, provider.domains, provider.role) == (
        "https://login.example.com", ("example.com", "b.example"), "viewer",
    )  # fmt: skip
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_CLIENT_SECRET", ""),
        ("OIDC_ISSUER", "http://login.example.com"),
        ("OIDC_ISSUER", "login"),
        ("OIDC_ROLE", "emperor"),
        ("OIDC_TRUST_EMAIL", "perhaps"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"ABMATIC_{name}"):
        read(tmp_path, **{**OIDC, f"ABMATIC_{name}": value})
