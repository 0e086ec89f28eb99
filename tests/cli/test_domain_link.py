"""`abmatic link`: addresses that say who follows them."""

from __future__ import annotations

import json

import pytest
from tests.cli.processes import Installation
from tests.cli.test_domain_operating import said

pytestmark = pytest.mark.server

PAGE = "https://www.acme.com/offer?x=1"


def test_a_link_for_each_contact(installation: Installation) -> None:
    (ann,), (bob,) = installation.query(
        "INSERT INTO contact (last_name, work_email, email_key, created_at, updated_at) VALUES "
        "('Lee', 'Ann@acme.com', 'ann@acme.com', now(), now()), ('Ray', 'bob@acme.com', 'bob@acme.com', now(), now()) "
        "RETURNING id"
    )
    lines = [line.split("\t") for line in said(installation, "link", PAGE, "Ann@acme.com", "bob@acme.com").splitlines()]
    assert [email for email, _ in lines] == ["Ann@acme.com", "bob@acme.com"]
    assert lines[0][1].startswith(f"{PAGE}&ab={ann}.")
    assert lines[1][1].startswith(f"{PAGE}&ab={bob}.")
    told = json.loads(said(installation, "link", PAGE, "ann@acme.com", "--json"))
    assert told == {"links": {"ann@acme.com": lines[0][1]}}
    assert "no contact has the e-mail address cy@acme.com" in said(installation, "link", PAGE, "cy@acme.com", code=1)
    assert "say https://www.example.com/page" in said(installation, "link", "acme.com", "ann@acme.com", code=1)
