"""`abmatic person`: what is known of somebody's visits, told and erased. What that is, is tested in the room."""

from __future__ import annotations

import json

import pytest
from tests.cli.processes import Installation
from tests.cli.test_domain_operating import said

pytestmark = pytest.mark.server


def test_a_person_is_told_and_erased(installation: Installation) -> None:
    (visitor,) = installation.query(
        "INSERT INTO visitor (key, first_seen_at, last_seen_at, confidence, known_by, is_due) "
        "VALUES ('key', now(), now(), 90, 'form', false) RETURNING id"
    )[0]
    installation.query(
        "INSERT INTO visitor_sign (id, visitor_id, occurred_at, kind, email, given, is_judged, problem) "
        f"VALUES (gen_random_uuid(), {visitor}, now(), 'form', 'Ann@acme.com', '{{}}', true, '') RETURNING id"
    )
    told = json.loads(said(installation, "person", "export", "ann@acme.com"))
    assert {name: len(rows) for name, rows in told.items()} == {
        "visitor": 1, "visitor_sign": 1, "web_session": 0, "web_form": 0, "engagement": 0, "web_event": 0,
        "experience_assignment": 0, "experience_event": 0, "visit_task": 0,
    }  # fmt: skip
    # Nobody is there to answer, so it isn't done.
    asked = said(installation, "person", "erase", "ann@acme.com", code=1)
    assert "1 browser, 0 visits, 0 forms, 1 sign, 0 personalised experiences, 0 visit tasks" in asked
    assert installation.query("SELECT count(*) FROM visitor") == [(1,)]
    erased = json.loads(said(installation, "person", "erase", "ann@acme.com", "--yes", "--json"))
    assert erased == {"erased": {
        "events": 0, "visitors": 1, "sessions": 0, "forms": 0, "signs": 1, "experiences": 0, "tasks": 0,
        "in_salesforce": 0, "writes": 0,
    }}  # fmt: skip
    assert installation.query("SELECT count(*) FROM visitor_sign") == [(0,)]
    assert "Erased: 0 web events" in said(installation, "person", "erase", "ann@acme.com", "--yes")
