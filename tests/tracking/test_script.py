"""The script as it is served: small, with the site's settings, asked for again only when it has changed."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from abmatic.tracking import sites
from abmatic.tracking.models import TrackingSite
from abmatic.tracking.script import serving

pytestmark = pytest.mark.django_db

# Bytes that travel, of a site with the default settings.
MOST = 5 * 1024


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    sites.forget_known()


def test_it_is_under_five_kilobytes(client: Client, site: TrackingSite) -> None:
    answer = client.get(f"/t/{site.public_id}.js", HTTP_ACCEPT_ENCODING="gzip, br")
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < MOST
    assert gzip.decompress(answer.content) == client.get(f"/t/{site.public_id}.js").content


def test_it_has_the_sites_settings_and_no_comments(client: Client, site: TrackingSite) -> None:
    TrackingSite.objects.filter(pk=site.pk).update(captured_fields=["email", "</script>"], cookie_days=30)
    text = client.get(f"/t/{site.public_id}.js").content.decode()
    assert f'"site":"{site.public_id}"' in text
    assert '"days":30' in text
    assert "</script>" not in text
    assert "__SETTINGS__" not in text
    assert "RFC 9562" not in text


def test_it_is_kept_by_browsers_and_changes_with_the_settings(client: Client, site: TrackingSite) -> None:
    first = client.get(f"/t/{site.public_id}.js")
    assert first["Cache-Control"] == f"public, max-age={serving.FRESH}"
    assert first["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert not first.cookies
    again = client.get(f"/t/{site.public_id}.js", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    TrackingSite.objects.filter(pk=site.pk).update(mode="cookieless")
    sites.forget_known()
    assert client.get(f"/t/{site.public_id}.js", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


def test_of_an_unknown_site_it_says_so(client: Client) -> None:
    answer = client.get("/t/unknown.js")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/javascript; charset=utf-8")
