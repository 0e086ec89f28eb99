"""A person is told of and forgotten; no table ever has their address in the network."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone
from psycopg import sql
from tests.tracking.conftest import uuid7
from tests.tracking.test_collector import FIREFOX, ORIGIN, VISITOR, page

from abmatic.tracking import group_commit, people
from abmatic.tracking.models import TrackingSite
from abmatic.tracking.store import Session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("collects")]

IP = "203.0.113.77"
EMAIL = "planted.person@acme.com"
OTHER = "019aaaaa-0000-7000-8000-00000000000b"


def where_found(session: Session, needle: str) -> list[str]:
    """The tables, of all schemas of ours, in which any column of any row holds the text."""
    tables = session.execute(
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
    ).fetchall()
    assert len(tables) > 50
    found = []
    for (table,) in tables:
        query = sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text ILIKE %s").format(
            sql.SQL(table)  # as the database has quoted it
        )
        ((number,),) = session.execute(query, (f"%{needle}%",)).fetchall()
        if number:
            found.append(table)
    session.commit()
    return found


@pytest.fixture
def visited(client: Client, site: TrackingSite) -> None:
    """A person who left the address wherever one can, and somebody else."""

    def send(visitor: str, *events: object) -> None:
        answer = client.post(
            f"/collect/{site.public_id}",
            json.dumps({"visitor": visitor, "events": events}),
            content_type="text/plain",
            HTTP_USER_AGENT=FIREFOX,
            HTTP_ORIGIN=ORIGIN,
            REMOTE_ADDR=IP,
            HTTP_X_FORWARDED_FOR=IP,
        )
        assert answer.status_code == 204, answer.content

    link = f"{ORIGIN}/welcome?mail={EMAIL}&utm_source={EMAIL}"
    send(
        VISITOR,
        page(url=link, referrer=link, title=f"Hello {EMAIL}"),
        page(kind="identify", properties={"email": EMAIL.upper(), "note": EMAIL}),
        page(kind="form", properties={"form": "contact", "fields": {"email": EMAIL, "name": EMAIL}}),
        page(kind="track", properties={"name": EMAIL, "values": {"who": EMAIL}}),
        page(kind="click", properties={"type": "outbound", "href": link, "text": EMAIL}),
    )
    send(OTHER, page(id=str(uuid7(timezone.now()))))
    group_commit.stop()


def test_an_address_in_the_network_is_in_no_table(visited: None, session: Session) -> None:
    assert where_found(session, IP) == []
    assert where_found(session, "203.0.113.0/24") != [], "or the search finds nothing at all"


def test_a_forgotten_person_is_in_no_table(visited: None, session: Session) -> None:
    assert where_found(session, EMAIL) != [], "or the search finds nothing at all"
    assert people.forget(session, [EMAIL]) == 5
    session.commit()
    assert where_found(session, EMAIL) == []
    assert where_found(session, VISITOR) == []
    assert where_found(session, OTHER) != []


def test_a_person_is_told_of_whole(visited: None, session: Session) -> None:
    told = people.of_person(session, [EMAIL])
    assert sorted(event["kind"] for event in told) == ["click", "form", "identify", "page", "track"]
    assert {event["visitor"] for event in told} == {VISITOR}
    assert len(people.of_person(session, [EMAIL], [OTHER])) == 6
    assert people.of_person(session, ["nobody@acme.com"]) == []
