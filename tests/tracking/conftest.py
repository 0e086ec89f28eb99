"""Sites, and events as a collector would make them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from abmatic.postgres import sessions
from abmatic.tracking import collecting, group_commit, salts, sites
from abmatic.tracking.events import Kind, WebEvent
from abmatic.tracking.models import TrackingSite
from abmatic.tracking.store import Session

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def uuid7(moment: datetime) -> UUID:
    """A UUIDv7 of a moment, with chance in the rest."""
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    chance = secrets.randbits(80)
    value = (milliseconds << 80) | (0x7 << 76) | ((chance >> 4) & (0xFFF << 64)) | (0b10 << 62) | (chance & (2**62 - 1))
    return UUID(int=value)


def event(
    moment: datetime = NOW, site: int = 1, visitor: str = "v1", kind: Kind = Kind.PAGE, **values: Any
) -> WebEvent:
    """An event of a page view, unless said otherwise."""
    values.setdefault("ip", ip_network("192.0.2.0/24"))
    values.setdefault("url", "https://www.acme.com/prices")
    return WebEvent(uuid7(moment), moment + timedelta(seconds=1), site, visitor, kind, path="/prices", **values)


@pytest.fixture
def site(db: None) -> TrackingSite:
    """A site with a cookie, of one origin."""
    return TrackingSite.objects.create(name="Acme", origins=["https://www.acme.com"])


@pytest.fixture(autouse=True)
def no_salt_is_remembered() -> Iterator[None]:
    """What the process remembers outlives the test's database."""
    salts.forget_cached()
    yield
    salts.forget_cached()


@pytest.fixture
def session(transactional_db: None) -> Iterator[Session]:
    """A session of its own beside Django's."""
    with sessions.session("test") as opened:
        yield opened


Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def rows(session: Session) -> Rows:
    """Asks the database."""

    def ask(statement: str) -> list[tuple[Any, ...]]:
        found = session.execute(statement.encode()).fetchall()
        session.commit()
        return found

    return ask


@pytest.fixture
def collects(transactional_db: None) -> Iterator[None]:
    """What this process's collector remembers, and its session, end with the test."""
    sites.forget_known()
    collecting.forget_rates()
    yield
    group_commit.stop()
    sites.forget_known()
