"""Samples of what a preview's transaction has written so far: records by action, field by field."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.audiences.fields import fields
from abmatic.sync.models import Write
from abmatic.sync.objects import SObject
from abmatic.sync.preview.found import SAMPLES, Sample
from abmatic.sync.pull.chunk import Counts
from abmatic.sync.push import verdicts, waiting
from abmatic.sync.push.plan import PushPlan

Session = psycopg.Connection[tuple[Any, ...]]
Samples = dict[str, list[Sample]]

# Of no run: nothing that is committed has it.
NOBODY = 0


class Here:
    """Of what a pull writes here. Local records above ``newest`` are those that it made."""

    def __init__(self, session: Session, spec: SObject) -> None:
        self._session = session
        self._spec = spec
        self._local = sql.Identifier(spec.local)
        row = session.execute(sql.SQL("SELECT coalesce(max(id), 0) FROM {}").format(self._local)).fetchone()
        assert row is not None
        self._newest: int = row[0]
        self._decided: Samples = {}

    def note_chunk(self, counts: Counts) -> None:
        """What only the chunk's own tables tell; it is gone when the next one is staged."""
        for action, number, actions in (
            ("linked", counts.linked, "'link', 'takeover'"),
            ("duplicate", counts.duplicate, "'duplicate'"),
            ("deleted", counts.deleted, "'deleted'"),
        ):
            kept = self._decided.setdefault(action, [])
            if number and len(kept) < SAMPLES:
                kept += self._of_chunk(actions)[: SAMPLES - len(kept)]

    def collected(self) -> Samples:
        """By action, at most 20 each."""
        samples = {"created": self._created(), "updated": self._updated(), **self._decided}
        return {action: found for action, found in samples.items() if found}

    def _created(self) -> list[Sample]:
        columns = [f.name for f in fields(self._spec.local)]
        rows = self._session.execute(
            sql.SQL(
                "SELECT a.id, {name}, (SELECT sf_id FROM {mirror} AS m WHERE m.local_id = a.id ORDER BY role LIMIT 1), "
                "jsonb_strip_nulls(jsonb_build_object({pairs})) FROM {local} AS a "
                "WHERE a.id > {newest} AND a.created_by_id = {nobody} ORDER BY a.id LIMIT {most}"
            ).format(
                name=_name(self._spec), mirror=sql.Identifier(self._spec.mirror), local=self._local,
                pairs=_pairs(columns), newest=self._newest, nobody=NOBODY, most=SAMPLES,
            )
        ).fetchall()  # fmt: skip
        return [
            Sample(name, local_id, sf_id, {f: {"before": None, "after": value} for f, value in values.items()})
            for local_id, name, sf_id, values in rows
        ]

    def _updated(self) -> list[Sample]:
        rows = self._session.execute(
            sql.SQL(
                "SELECT h.record_id, {name}, jsonb_object_agg(h.field, jsonb_build_object('before', h.before, "
                "'after', h.after)) FROM change AS h JOIN {local} AS a ON a.id = h.record_id "
                "WHERE h.tx = pg_current_xact_id()::text::bigint AND h.cause_id = {nobody} AND h.record = {record} "
                "GROUP BY 1, 2 ORDER BY 1 LIMIT {most}"
            ).format(name=_name(self._spec), local=self._local, nobody=NOBODY, record=self._spec.local, most=SAMPLES)
        ).fetchall()
        return [Sample(name, local_id, None, fields) for local_id, name, fields in rows]

    def _of_chunk(self, actions: LiteralString) -> list[Sample]:
        rows = self._session.execute(
            sql.SQL(
                "SELECT d.local_id, coalesce({name}, ''), d.sf_id FROM decided AS d LEFT JOIN {local} AS a "
                "ON a.id = d.local_id WHERE d.action IN ({actions}) ORDER BY d.sf_id LIMIT {most}"
            ).format(name=_name(self._spec), local=self._local, actions=sql.SQL(actions), most=SAMPLES)
        ).fetchall()
        return [Sample(name, local_id, sf_id) for local_id, name, sf_id in rows]


class There:
    """Of what a push would write to Salesforce, or hold back."""

    def __init__(self, session: Session, spec: SObject, connection: int) -> None:
        self._session = session
        self._spec = spec
        self._local = sql.Identifier(spec.local)
        self._connection = connection

    def collected(self) -> Samples:
        """By action, at most 20 each."""
        samples = {
            "created": self._planned(Write.Operation.CREATE),
            "updated": self._planned(Write.Operation.UPDATE),
            "held": self._held(),
            "waiting": self._waiting(),
        }
        return {action: found for action, found in samples.items() if found}

    def _planned(self, operation: str) -> list[Sample]:
        rows = self._session.execute(
            sql.SQL(
                "SELECT w.local_id, {name}, w.sf_id, w.before, w.sent FROM salesforce_write AS w JOIN {local} AS a "
                "ON a.id = w.local_id WHERE w.run_id = {nobody} AND w.operation = {operation} "
                "ORDER BY w.id LIMIT {most}"
            ).format(name=_name(self._spec), local=self._local, nobody=NOBODY, operation=operation, most=SAMPLES)
        ).fetchall()
        return [
            Sample(name, local_id, sf_id, {f: {"before": before.get(f), "after": value} for f, value in sent.items()})
            for local_id, name, sf_id, before, sent in rows
        ]

    def _held(self) -> list[Sample]:
        rows = self._session.execute(
            sql.SQL(
                "SELECT i.local_id, {name}, i.sf_id, i.fields, i.code FROM issue AS i JOIN {local} AS a "
                "ON a.id = i.local_id WHERE i.is_open AND i.connection_id = {connection} AND i.sobject = {sobject} "
                "AND i.run_id = {nobody} AND i.code <> ALL ({waiting}) ORDER BY i.id LIMIT {most}"
            ).format(
                name=_name(self._spec), local=self._local, connection=self._connection, sobject=self._spec.name,
                nobody=NOBODY, most=SAMPLES, waiting=list(waiting.CODES),
            )
        ).fetchall()  # fmt: skip
        return [
            Sample(name, local_id, sf_id, {f: {} for f in fields}, code) for local_id, name, sf_id, fields, code in rows
        ]

    def _waiting(self) -> list[Sample]:
        rows = waiting.samples(self._session, self._spec, _name(self._spec), self._connection, SAMPLES)
        return [Sample(name, local_id, None, code=code) for local_id, name, code in rows]


def withheld(session: Session, plan: PushPlan, connection: int, into: Samples) -> None:
    """Adds some of the picked records of a chunk that aren't written, by verdict, at most 20 each."""
    of = {"connection": connection, "sobject": plan.spec.name, "most": SAMPLES}
    for verdict, local_id, name, sf_id, code, named in verdicts.samples(session, plan, _name(plan.spec), of):
        kept = into.setdefault(verdict, [])
        if len(kept) < SAMPLES:
            kept.append(Sample(name or "", local_id, sf_id, {f: {} for f in named}, code))


def _name(spec: SObject) -> sql.SQL:
    """What people call a local record ``a``."""
    if spec.local == "contact":
        return sql.SQL("coalesce(nullif(concat_ws(' ', a.first_name, a.last_name), ''), a.work_email, '')")
    if spec.local == "campaign_member":
        return sql.SQL(_MEMBER)
    return sql.SQL("coalesce(a.name, '')")


_MEMBER: LiteralString = """(
    SELECT concat_ws(' in ', coalesce(nullif(concat_ws(' ', p.first_name, p.last_name), ''), p.work_email, '?'), g.name)
      FROM contact AS p, campaign AS g WHERE p.id = a.contact_id AND g.id = a.campaign_id)"""


def _pairs(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{}, a.{}").format(sql.Literal(c), sql.Identifier(c)) for c in columns)
