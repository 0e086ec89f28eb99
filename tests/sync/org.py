"""A Salesforce org as the pull sees it, without the wire: records are staged and applied, chunk by chunk.

The statements under test are the product's own; only the reader is left out (it has tests of its own against the
emulator). Ids are made up from small numbers: ``account(7)`` is an 18-character Account Id.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.sync.invariants import assert_adds_up

from abmatic.audiences.models import Collection
from abmatic.changes.models import Cause
from abmatic.identity import sealing
from abmatic.identity.models import SealedSecret
from abmatic.sync import connect
from abmatic.sync.models import Connection, ObjectSetting, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.campaigns import MemberRules
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.reading import open_writer

START = datetime(2026, 1, 1, tzinfo=UTC)


def sf_id(prefix: str, number: int) -> str:
    """An 18-character Id; the checksum of digits alone is AAA or so, and nobody here looks at it."""
    return f"{prefix}{number:015d}"


def account(number: int) -> str:
    return sf_id("001", number)


def contact(number: int) -> str:
    return sf_id("003", number)


def lead(number: int) -> str:
    return sf_id("00Q", number)


def opportunity(number: int) -> str:
    return sf_id("006", number)


def role(number: int) -> str:
    return sf_id("00K", number)


def new_connection(org_id: str = "00D000000000001AAA", name: str = "Org") -> Connection:
    """An authorised connection with the default settings, and no org behind it."""
    secret = SealedSecret.objects.create(sealed=sealing.seal({"access_token": "t"}))
    connection = Connection.objects.create(
        name=name, org_id=org_id, org_name=name, login_url="https://login.salesforce.com",
        client_id="id", instance_url="https://x.my.salesforce.com", status=Connection.Status.ACTIVE, secret=secret,
    )  # fmt: skip
    connect.add_default_settings(connection)
    return connection


class Org:
    """Feeds records of one connection through the pull."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._ticks = itertools.count(1)
        self.last_run: Run | None = None
        self.members = MemberRules()

    def setting(self, sobject: str) -> ObjectSetting:
        return ObjectSetting.objects.get(connection=self.connection, sobject=sobject)

    def stamp(self) -> str:
        """The next moment of Salesforce's clock."""
        return planning.literal(START + timedelta(seconds=next(self._ticks)))

    def record(self, **fields: Any) -> dict[str, Any]:
        """A record as a query answers it, with system fields where none are given."""
        now = self.stamp()
        return {"SystemModstamp": now, "CreatedDate": now, "IsDeleted": False, **fields}

    def pull(
        self, sobject: str, *chunks: Sequence[dict[str, Any]], same_run: bool = False, at_once: bool = False
    ) -> Counts:
        """One run over the chunks, each committed by itself.

        ``at_once``: of each chunk, newcomers are written before the chunk before it is applied, as a bulk reading does.
        """
        spec = OBJECTS[sobject]
        setting = ObjectSetting.objects.filter(connection=self.connection, sobject=spec.rides_with or sobject).first()
        offered = [*planning.BASE_FIELDS, *(c.sf_field for c in spec.system)]
        offered += [d.sf_field for d in (*spec.defaults, *spec.fixed)]
        if setting:
            offered += [mapping.sf_field for mapping in setting.mappings.all()]
        plan, _ = planning.make(spec, setting, offered)
        if not (same_run and self.last_run):
            self.last_run = Run.objects.create(
                connection=self.connection, sobject=sobject, batch="00000000-0000-0000-0000-000000000000",
                trigger="manual", state="succeeded",
            )  # fmt: skip
            self.last_run.cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=self.last_run.pk)
            self.last_run.save()
        collection = None
        if spec.collection:
            collection = Collection.objects.get_or_create(
                source=f"salesforce-import:{self.connection.pk}:{spec.local}",
                defaults={"name": "Salesforce Import", "record": spec.local, "kind": Collection.Kind.IMPORT},
            )[0].pk
        assert self.last_run.cause_id is not None
        target = Target(
            self.connection.pk, self.last_run.pk, self.last_run.cause_id, START, collection, members=self.members
        )  # fmt: skip
        total = (_pull_at_once if at_once else _pull_in_turn)(plan, target, chunks)
        if not same_run:
            assert_adds_up(total, self.last_run)
        return total


def _stage(writer: ChunkWriter, chunk: Sequence[dict[str, Any]]) -> None:
    writer.stage_records(json.dumps(list(chunk)).encode())
    writer.type_rows()


def _pull_in_turn(plan: PullPlan, target: Target, chunks: Sequence[Sequence[dict[str, Any]]]) -> Counts:
    total = Counts()
    with open_writer(plan, target) as (session, writer):
        for chunk in chunks:
            _stage(writer, chunk)
            total.add(writer.apply())
            session.commit()
        writer.after_run()
        session.commit()
    return total


def _pull_at_once(plan: PullPlan, target: Target, chunks: Sequence[Sequence[dict[str, Any]]]) -> Counts:
    total = Counts()
    with open_writer(plan, target) as first, open_writer(plan, target) as second:
        waiting: tuple[Any, ChunkWriter] | None = None
        keys: frozenset[bytes] = frozenset()
        for (session, writer), chunk in zip(itertools.cycle((first, second)), chunks, strict=False):
            _stage(writer, chunk)
            mine = writer.keys()
            writer.write_newcomers(mine & keys)
            if waiting is not None:
                total.add(waiting[1].apply())
                waiting[0].commit()
            waiting, keys = (session, writer), mine
        if waiting is not None:
            total.add(waiting[1].apply())
            waiting[1].after_run()
            waiting[0].commit()
    return total
