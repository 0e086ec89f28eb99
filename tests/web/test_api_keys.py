"""Settings → API keys: a key is shown once, and ends at once."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from abmatic.identity import api_keys
from abmatic.identity.api_keys import KeyRefused
from abmatic.identity.models import ApiKey, User

pytestmark = pytest.mark.django_db


def test_a_key_is_shown_once(admin: Client, alice: User) -> None:
    answer = admin.post(reverse("api-keys"), {"name": "Reports", "role": "operator", "days": "30"}, follow=True)
    found = re.search(r'value="(abm_[^"]+)"', answer.text)
    assert found
    key = api_keys.find(found[1])
    assert (key.name, key.role, key.created_by) == ("Reports", "operator", alice)
    assert key.expires_at is not None
    assert "no-store" in answer.headers["Cache-Control"]
    page = admin.get(reverse("api-keys")).text
    assert key.prefix in page
    assert found[1] not in page


def test_a_key_can_last_until_it_is_revoked(admin: Client) -> None:
    admin.post(reverse("api-keys"), {"name": "Reports", "role": "viewer", "days": ""})
    assert ApiKey.objects.get().expires_at is None


@pytest.mark.parametrize("wrong", [{"name": ""}, {"role": "emperor"}, {"days": "7"}])
def test_what_is_wrong_makes_no_key(admin: Client, wrong: dict[str, str]) -> None:
    answer = admin.post(reverse("api-keys"), {"name": "Reports", "role": "viewer", "days": "30", **wrong})
    assert answer.status_code == 400
    assert not ApiKey.objects.exists()


def test_revoking(admin: Client) -> None:
    key, token = api_keys.create("Reports", "viewer")
    answer = admin.post(reverse("revoke-api-key", args=[key.pk]), follow=True)
    assert "is revoked" in answer.text
    with pytest.raises(KeyRefused):
        api_keys.find(token)
