"""A site; what processes remember ends with each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.personalisation import worlds

from abmatic.tracking.models import TrackingSite


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    worlds.forget()
    yield
    worlds.forget()


@pytest.fixture
def site(db: None) -> TrackingSite:
    """A site with a cookie, of one origin."""
    return TrackingSite.objects.create(name="Acme", origins=[worlds.ORIGIN])
