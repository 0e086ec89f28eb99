"""The part that personalises as it is served, and what the script is told: small, and nothing of the audience."""

from __future__ import annotations

import gzip
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.personalisation import worlds
from tests.personalisation.worlds import HEADLINE, experience

from abmatic.personalisation.script import serving
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db

KILOBYTE = 1024


def told(site: TrackingSite) -> dict[str, Any]:
    text = Client().get(f"/t/{site.public_id}.js").content.decode()
    found = re.search(r"settings=(\{.*?\});", text)
    assert found, text[:300]
    return dict(json.loads(found[1]))


def size(address: str) -> int:
    return len(Client().get(address, HTTP_ACCEPT_ENCODING="gzip").content)


def test_the_script_stays_under_five_kilobytes_where_something_is_personalised(site: TrackingSite) -> None:
    assert size(f"/t/{site.public_id}.js") < 5 * KILOBYTE
    for number in range(5):
        experience(site, pages=[f"/products/{number}/*"], variants=[
            {"name": "A", "changes": [HEADLINE | {"selector": f"#hero-{number} .title"}]},
            {"name": "B", "changes": [HEADLINE | {"selector": f"a.buy-{number}"}]},
        ])  # fmt: skip
    assert size(f"/t/{site.public_id}.js") < 5 * KILOBYTE


def test_the_part_is_small_and_kept_for_ever(site: TrackingSite) -> None:
    address = f"/t/{told(site)['part']}"
    answer = Client().get(address, HTTP_ACCEPT_ENCODING="gzip")
    assert len(answer.content) < 4 * KILOBYTE
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    plain = Client().get(address).content
    assert gzip.decompress(answer.content) == plain
    assert b"See docs" not in plain
    assert Client().get(address, HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 304
    assert Client().get("/t/personalise-0123456789ab.js")["Cache-Control"] == "no-store"
    assert Client().post(address).status_code == 405


def test_nothing_in_it_makes_html_or_code() -> None:
    text = serving.part().plain.decode()
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval", "Function(", "srcdoc"):
        assert name not in text


def test_the_script_is_told_of_what_runs_or_soon_does_and_of_nobody(site: TrackingSite) -> None:
    now = timezone.now()
    assert told(site)["shows"] == []
    runs = experience(site, pages=["/a", "/b/*"], utm_source="secret-plan", name="Hush")
    soon = experience(site, starts_at=now + timedelta(minutes=8))
    for values in ({"is_on": False}, {"starts_at": now + timedelta(hours=1)}, {"ends_at": now}):
        experience(site, **values)
    assert told(site)["shows"] == [[runs.pk, ["/a", "/b/*"], ["h1"]], [soon.pk, ["/prices"], ["h1"]]]
    text = Client().get(f"/t/{site.public_id}.js").content.decode()
    assert "secret-plan" not in text
    assert "Hush" not in text
    assert worlds.HEADLINE["value"] not in text


def test_how_long_parts_wait_is_a_setting(site: TrackingSite) -> None:
    assert told(site)["wait"] == 300
