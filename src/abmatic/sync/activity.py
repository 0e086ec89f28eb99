"""The Activity Log: which runs there were, and in which of them something happened to a record.

One filter serves the page, its CSV, the command line and the API. It is put together here as SQL, because an export is
made by Postgres from the same conditions. Runs are found by indexes of their own, and those of a record through what
the record's own indexes hold of it (its changes, its writes, its issues), so a million changes of others cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from django.db import connection as database
from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Concat
from psycopg import sql

from abmatic.audiences.list_indexes import table_of
from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.audiences.sorting import LAST_CHARACTER, beginning, sort_key
from abmatic.campaigns.models import Campaign
from abmatic.identity.models import User
from abmatic.postgres.sql import block
from abmatic.sync import history
from abmatic.sync.history import Found
from abmatic.sync.models import Connection, MirrorCampaign, Run
from abmatic.sync.objects import OBJECTS

# What a status may be beside a run's own states: something was refused, however the run ended.
REFUSED = "refused"
# So many records at most are meant by what somebody types, of each kind.
MOST_MEANT = 20
_NAMES: dict[str, tuple[type[Account | Contact | Opportunity | Campaign], str]] = {
    "account": (Account, "name"),
    "contact": (Contact, "last_name"),
    "opportunity": (Opportunity, "name"),
    "campaign": (Campaign, "name"),
}
# Who has started runs, of whom a list can be made to choose from.
_MOST_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs. None leaves a part open.

    ``state``: one of `Run.State`, or `REFUSED`; ``since``, ``until``: queued at or after, and before that moment;
    ``started_by``: a user's id; ``of``: in which one of these records was made, changed, written or refused.
    """

    connection: Connection | None = None
    sobject: str | None = None
    direction: str | None = None
    state: str | None = None
    trigger: str | None = None
    started_by: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    of: tuple[Found, ...] | None = None


def listed(wanted: Filter, *, before: int | None = None, limit: int = 50) -> list[Run]:
    """Runs, newest first, each with its connection and who started it. The next page: ``before`` the last one's id."""
    statement = sql.SQL("SELECT r.id FROM run AS r WHERE {} AND {} ORDER BY r.id DESC LIMIT {}").format(
        conditions(wanted),
        sql.SQL("true") if before is None else sql.SQL("r.id < {}").format(sql.Literal(before)),
        sql.Literal(limit),
    )
    with database.cursor() as cursor:
        cursor.execute(statement)
        ids = [row[0] for row in cursor.fetchall()]
    found = Run.objects.select_related("connection", "started_by").in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def conditions(wanted: Filter) -> sql.Composable:
    """What a run must hold, as SQL about ``run AS r``."""
    equal: dict[LiteralString, Any] = {
        "r.connection_id": wanted.connection and wanted.connection.pk,
        "r.sobject": wanted.sobject,
        "r.direction": wanted.direction,
        "r.state": None if wanted.state == REFUSED else wanted.state,
        "r.trigger": wanted.trigger,
        "r.started_by_id": wanted.started_by,
    }
    tests: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.SQL(column), sql.Literal(value))
        for column, value in equal.items()
        if value is not None
    ]
    if wanted.state == REFUSED:
        tests.append(sql.SQL(_block("refused")))
    if wanted.since is not None:
        tests.append(sql.SQL("r.queued_at >= {}").format(sql.Literal(wanted.since)))
    if wanted.until is not None:
        tests.append(sql.SQL("r.queued_at < {}").format(sql.Literal(wanted.until)))
    if wanted.of is not None:
        tests.append(_of(wanted.of))
    return sql.SQL(" AND ").join(tests) if tests else sql.SQL("true")


def _of(records: Iterable[Found]) -> sql.Composable:
    ids: dict[str, list[int]] = {}
    for each in records:
        ids.setdefault(each.record, []).append(each.id)
    parts = [
        sql.SQL(_block("runs_of_records")).format(
            record=sql.Literal(record),
            local=sql.Identifier(record),
            ids=sql.Literal(some),
            sobjects=sql.Literal([spec.name for spec in OBJECTS.values() if spec.local == record]),
        )
        for record, some in ids.items()
    ]
    return sql.SQL("r.id IN ({})").format(sql.SQL(" UNION ").join(parts)) if parts else sql.SQL("false")


def meant(text: str) -> tuple[Found, ...]:
    """The records that somebody means: by id, Salesforce Id, domain or e-mail address, else by how the name begins.

    At most `MOST_MEANT` of each kind.
    """
    text = text.strip().replace("\x00", "")
    found = [*history.find(text), *_campaigns(text)]
    if not found:
        found = [one for record in _NAMES for one in _called(record, text)]
    return tuple(found)


def _campaigns(text: str) -> list[Found]:
    if not history.is_salesforce_id(text):
        return []
    connections = list(Connection.objects.values_list("pk", flat=True))
    held = MirrorCampaign.objects.filter(connection__in=connections, sf_id=history.long_id(text))
    ids = [pk for pk in held.values_list("local_id", flat=True) if pk is not None]
    return [Found("campaign", one.pk, str(one)) for one in Campaign.objects.filter(pk__in=ids)]


def _called(record: str, text: str) -> list[Found]:
    """Those whose name begins so; of people the last name, or the whole name."""
    model, name = _NAMES[record]
    records: QuerySet[Any] = model._default_manager.all()
    first, _, last = text.rpartition(" ")
    if record == "contact" and first.strip():
        records = records.filter(first_name__iexact=first.strip())
        text = last
    if not beginning(text):
        return []
    start = sort_key(Value(text, output_field=TextField()))
    keyed = records.annotate(sort_key=sort_key(name))
    # Where texts are sorted otherwise than by code their beginnings are no range of the index; whole names are.
    some = (
        keyed.filter(sort_key__gte=start, sort_key__lte=Concat(start, Value(LAST_CHARACTER)))
        if table_of("account").is_by_code
        else keyed.filter(sort_key=start)
    )
    return [Found(record, one.pk, str(one)) for one in some.order_by("sort_key")[:MOST_MEANT]]


def people(connection: Connection) -> list[User]:
    """Who has started runs of a connection."""
    return list(
        User.objects.filter(pk__in=Run.objects.filter(connection=connection).values("started_by")).order_by("email")[
            :_MOST_PEOPLE
        ]
    )


def _block(name: str) -> LiteralString:
    return block("abmatic.sync", "sql/activity.sql", name)
