"""Settings → Webhooks."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from abmatic.identity.models import Notice, Webhook

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.com/services/T0/B0/verysecret"
FORM = {"name": "#revops", "format": "slack", "url": URL, "kinds": ["sync", "connection"]}


def test_an_empty_page_says_what_for(admin: Client) -> None:
    page = admin.get(reverse("webhooks")).text
    assert "a Slack channel hears them too" in page
    assert all(kind.label in page for kind in Notice.Kind)


def test_one_is_added_and_its_address_never_shown(admin: Client) -> None:
    answer = admin.post(reverse("webhooks"), FORM, follow=True)
    hook = Webhook.objects.get()
    assert (hook.host, hook.kinds, hook.is_on) == ("hooks.example.com", ["connection", "sync"], True)
    assert "#revops is added" in answer.text
    assert "hooks.example.com" in answer.text
    assert "verysecret" not in answer.text
    assert "verysecret" not in admin.get(reverse("audit")).text


def test_the_secret_of_a_program_is_shown_once(admin: Client) -> None:
    answer = admin.post(reverse("webhooks"), {**FORM, "format": "json"}, follow=True)
    assert "it is shown only here" in answer.text
    assert "it is shown only here" not in admin.get(reverse("webhooks")).text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "http://hooks.example.com/"}, "Only https:// is called"),
        ({"url": "hooks"}, "This is not an address"),
        ({"kinds": []}, "required"),
        ({"name": ""}, "required"),
        ({"format": "fax"}, "not one of the available choices"),
    ],
)
def test_what_does_not_fit_is_said(admin: Client, wrong: dict[str, object], words: str) -> None:
    answer = admin.post(reverse("webhooks"), {**FORM, **wrong})
    assert words in answer.text
    assert not Webhook.objects.exists()


def test_it_is_turned_off_and_on_and_removed(admin: Client) -> None:
    admin.post(reverse("webhooks"), FORM)
    hook = Webhook.objects.get()
    assert "is turned off" in admin.post(reverse("webhook-switch", args=[hook.pk]), follow=True).text
    assert "is turned on" in admin.post(reverse("webhook-switch", args=[hook.pk]), follow=True).text
    assert "is removed" in admin.post(reverse("webhook-remove", args=[hook.pk]), follow=True).text
    assert admin.post(reverse("webhook-remove", args=[hook.pk])).status_code == 404


def test_a_test_says_what_went_wrong(admin: Client) -> None:
    admin.post(reverse("webhooks"), {**FORM, "url": "https://hooks.invalid/"})
    page = admin.post(reverse("webhook-test", args=[Webhook.objects.get().pk]), follow=True).text
    assert "has no address: check its spelling" in page
    assert "Not reached" in page
