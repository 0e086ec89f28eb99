"""API keys: what opens, what doesn't, and what is kept of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from abmatic.identity import api_keys
from abmatic.identity.api_keys import KeyRefused
from abmatic.identity.models import ApiKey

pytestmark = pytest.mark.django_db


def test_a_token_opens_its_key_and_only_its_hash_is_stored() -> None:
    key, token = api_keys.create(" Reports ", "viewer")
    api_keys.create("Another", "operator")
    assert api_keys.find(token) == key
    assert key.name == "Reports"
    assert token.startswith(f"{key.prefix}_")
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key::text, encode(token_hash, 'escape') FROM api_key")
        assert token.removeprefix(key.prefix) not in str(cursor.fetchall())


@pytest.mark.parametrize("change", ["x", "", "\ud800"])
def test_another_token_opens_nothing(change: str) -> None:
    _, token = api_keys.create("Reports", "viewer")
    with pytest.raises(KeyRefused, match="isn't known"):
        api_keys.find(token + change if change else "")


def test_revoked_is_over_at_once() -> None:
    key, token = api_keys.create("Reports", "viewer")
    assert api_keys.revoke(key)
    assert not api_keys.revoke(key)
    with pytest.raises(KeyRefused, match="was revoked"):
        api_keys.find(token)
    assert ApiKey.objects.get().state == "revoked"


def test_expired_is_over() -> None:
    key, token = api_keys.create("Reports", "viewer", expires_at=timezone.now() + timedelta(days=1))
    assert api_keys.find(token).state == "active"
    ApiKey.objects.update(expires_at=timezone.now())
    with pytest.raises(KeyRefused, match=f"{key.prefix}.*has expired"):
        api_keys.find(token)


def test_the_last_use_is_not_a_write_each_time() -> None:
    _, token = api_keys.create("Reports", "viewer")
    api_keys.note_use(api_keys.find(token))
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    with CaptureQueriesContext(
        connection,
    ) as queries:
        api_keys.note_use(api_keys.find(token))
    assert len(queries) == 1, "only looked up"
    ApiKey.objects.update(last_used_at=first - timedelta(hours=1))
    api_keys.note_use(api_keys.find(token))
    assert ApiKey.objects.get().last_used_at == pytest.approx(timezone.now(), abs=timedelta(minutes=1))
