"""What the document says holds for whatever is asked: made up from the document itself, right and wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from tests.web import addresses

from abmatic.config.wsgi import application
from abmatic.identity import api_keys

pytestmark = pytest.mark.django_db

schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
# It would ask Salesforce; tests of its own do.
asked = schema.exclude(operation_id="preview_undo")
HOLDS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(autouse=True)
def one_session() -> Iterator[None]:
    """The end of a request leaves the test's database session open, as Django's own test client does it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def token() -> str:
    """Of a key that may do everything, in an installation that has one of everything."""
    addresses.make_world()
    return api_keys.create("Anybody", "administrator")[1]


@asked.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_whatever_is_asked_is_answered_as_the_document_says(case: Any, token: str) -> None:
    response = case.call(headers={"Authorization": f"Bearer {token}"})
    case.validate_response(response, checks=HOLDS)
