"""Undo: puts back what a run wrote, on both sides, wherever the value is still the one that it wrote.

1. Here: the run's changes, read backwards. A value that is still what the run wrote becomes what it was before; that is
   a change like any other, with the undo as its cause. One transaction, for any number of records.
2. In Salesforce: the records that the run updated are read again, and fields that still hold what was sent get back
   what they held before. The writes are planned and sent as a push's are, so a kill leaves no doubt about them.
3. What has changed since has an entry, and so have records that the run created, on either side: they stay, but where
   somebody asked for those in Salesforce to be removed (see `undo_created`).

Where the two sides differ then, the mirror keeps the pair as ``held``: no later sync writes either side while both
are exactly so, or the next one would do again what was undone. Whoever changes one of the two ends it.

Links, merges, conversions and deletions are what Salesforce said, and not values that a run wrote: they stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.types.json import Jsonb

from abmatic.audiences.fields import FieldType, fields
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held
from abmatic.postgres.sql import block
from abmatic.salesforce import Client, errors
from abmatic.sync import clients
from abmatic.sync.models import FieldMapping, Run
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.pull import apply, values
from abmatic.sync.pull.plan import literal
from abmatic.sync.push.unknown import CLOCKS_DIFFER
from abmatic.sync.undo_created import Lost, Removed, Remover

Session = psycopg.Connection[tuple[Any, ...]]

_SETTINGS = {"work_mem": "64MB", "jit": "off", "timezone": "UTC"}
_IDS_A_QUERY = 200
SAMPLES = 20
# Of no run: nothing that is committed has it.
_NOBODY = 0


class NotUndone(Exception):
    """Why a run can't be undone, and what helps."""


@dataclass(slots=True)
class Undone:
    """What an undo puts back: records and values on each side, and why the others are left.

    ``here``: records that it looked at; ``here_back``: those of which a value was put back. ``samples``: of a preview,
    what would be put back, at most 20 a side: (record id, field, now, then).
    """

    here: int = 0
    here_back: int = 0
    here_values: int = 0
    there_back: int = 0
    there_removed: int = 0
    left: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls_made: int = 0

    def as_json(self) -> dict[str, Any]:
        """For `--json`, pages and the API."""
        return {
            "here": {"looked_at": self.here, "put_back": self.here_back, "values": self.here_values},
            "salesforce": {"put_back": self.there_back, "removed": self.there_removed},
            "left": dict(self.left),
            "samples": self.samples,
            "calls_made": self.calls_made,
        }


def require_undoable(run: Run) -> None:
    """Raises `NotUndone` where there is nothing that could be put back."""
    if not run.is_over:
        raise NotUndone(f"Run {run.pk} is not over: wait for its end, or cancel it, then undo it.")
    if not OBJECTS[run.sobject].obeys_settings:
        raise NotUndone(
            f"Run {run.pk} only read {OBJECTS[run.sobject].label_plural.lower()} along, which are kept as Salesforce "
            "has them. Undo the run of the object that they were read with."
        )
    if run.cause_id is None:
        raise NotUndone(f"Run {run.pk} never began, so it wrote nothing.")
    if run.trimmed_at is not None:
        raise NotUndone(
            f"What run {run.pk} wrote is not known any more: it was removed on {run.trimmed_at:%Y-%m-%d}, as "
            "ABMATIC_KEEP_DETAILS_DAYS says. Put values back by hand; `abmatic changes --run` may still tell them."
        )


def preview(run: Run, *, delete_created: bool = False) -> Undone:
    """What undoing the run would put back, and remove; nothing is written. Raises `NotUndone`."""
    with _looking(run) as (client, session):
        undo = Undo(session, client, run, by=_NOBODY, cause=_NOBODY)
        undo.put_back_here()
        undo.plan_there(keeps_created=not delete_created)
        undo.found.samples = undo.samples()
        if delete_created:
            undo.preview_removal()
        undo.found.calls_made = client.calls
        return undo.found


def preview_removal(run: Run) -> Removed:
    """Which of the records that the run created in Salesforce its undo could remove. Raises `NotUndone`."""
    with _looking(run) as (client, session):
        return Remover(session, client, run, None).remove()


@contextmanager
def _looking(run: Run) -> Iterator[tuple[Client, Session]]:
    """A look at what an undo would do, all of which is rolled back. Raises `NotUndone`."""
    require_undoable(run)
    try:
        with (
            sessions.session(f"undo {run.pk}") as lock,
            held(lock, "pull", run.connection_id, run.sobject),
            clients.open_client(run.connection) as client,
            sessions.session(f"undo {run.pk}", _SETTINGS) as session,
        ):
            try:
                yield client, session
            finally:
                session.rollback()
    except errors.SalesforceError as error:
        raise NotUndone(f"{error} {error.remedy}".strip()) from error
    except LockBusy:
        raise NotUndone("A sync of the same object is running: try again when it is over.") from None


class Undo:
    """One run put back, in the caller's transaction. ``by`` and ``cause`` are those of the undo's own run."""

    def __init__(self, session: Session, client: Client, undone: Run, *, by: int, cause: int) -> None:
        self._session = session
        self._client = client
        self._undone = undone
        self._spec = OBJECTS[undone.sobject]
        self._parameters = {
            "run": by, "by": cause, "undoes": undone.pk, "cause": undone.cause_id,
            "connection": undone.connection_id, "sobject": undone.sobject,
        }  # fmt: skip
        self._sampled: list[dict[str, Any]] = []
        self.found = Undone()
        for statement in _text("tables").split(";"):
            if statement.strip():
                session.execute(statement)

    # -- here

    def put_back_here(self) -> None:
        """Local values, their changes, what no sync may do again, and an entry for what is left."""
        for record in dict.fromkeys(spec.local for spec in OBJECTS.values() if spec.has_history):
            self._session.execute("TRUNCATE undone")
            written = sql.SQL(_text("undone_of")).format(local=sql.Identifier(record))
            if self._session.execute(written, {**self._parameters, "record": record}).rowcount:
                self._put_back(record)
        self._note_created()

    def _put_back(self, record: str) -> None:
        session = self._session
        session.execute("ANALYZE undone")
        session.execute(
            sql.SQL(
                "SELECT count(*) FROM (SELECT FROM {} WHERE id IN (SELECT record_id FROM undone) ORDER BY id "
                "FOR UPDATE) AS locked"
            ).format(sql.Identifier(record))
        )
        session.execute(_see_here(record))
        self._sample(record)
        session.execute(_restore(record))
        for statement in _move_keys(record):
            session.execute(statement)
        session.execute(_text("note_undone"), {**self._parameters, "record": record})
        for spec in _kept_as(record):
            session.execute(_hold_here(spec, self._sf_fields(spec)), self._parameters)
        self._left(session.execute(_text("left_here"), self._parameters))
        row = session.execute(
            "SELECT count(DISTINCT record_id), count(DISTINCT record_id) FILTER (WHERE is_same), "
            "count(*) FILTER (WHERE is_same) FROM undone"
        ).fetchone()
        assert row is not None
        self.found.here += row[0]
        self.found.here_back += row[1]
        self.found.here_values += row[2]

    def _note_created(self) -> None:
        """Records that the run made here stay: the next sync that reads them would make them again."""
        noted = self._session.execute(
            sql.SQL(
                "INSERT INTO finding (run_id, reason, sf_id, local_id) "
                "SELECT %(run)s, 'undo_created_here', '', id FROM {} WHERE created_by_id = %(cause)s"
            ).format(sql.Identifier(self._spec.local)),
            self._parameters,
        ).rowcount
        if noted:
            self.found.left["undo_created_here"] += noted

    def _sample(self, record: str) -> None:
        rows = self._session.execute(
            "SELECT record_id, field, now, before FROM undone WHERE is_same ORDER BY record_id, field LIMIT %s",
            (SAMPLES,),
        ).fetchall()
        self._sampled += [
            {"record": record, "id": record_id, "field": name, "now": now, "then": then}
            for record_id, name, now, then in rows
        ]

    def samples(self) -> dict[str, list[dict[str, Any]]]:
        """What was put back, at most 20 values a side."""
        rows = self._session.execute(
            "SELECT sf_id, field, now, before FROM rewritten WHERE is_same ORDER BY sf_id, field LIMIT %s", (SAMPLES,)
        ).fetchall()
        there = [{"id": sf_id, "field": name, "now": now, "then": then} for sf_id, name, now, then in rows]
        return {"here": self._sampled[:SAMPLES], "salesforce": there}

    # -- in Salesforce

    def preview_removal(self) -> None:
        """Which records that the run created would be removed from Salesforce."""
        removed = Remover(self._session, self._client, self._undone, None).remove()
        self.found.there_removed = removed.number
        self.found.left += removed.left
        self.found.samples["removed"] = [{"id": sf_id} for sf_id in removed.samples]

    def plan_there(self, *, keeps_created: bool = True) -> None:
        """Reads again what the run wrote to Salesforce, and plans the writes that put it back."""
        session = self._session
        session.execute("TRUNCATE rewritten, seen")
        session.execute(_text("forget_there"), self._parameters)
        if keeps_created:
            self._left(session.execute(_text("created_there"), self._parameters))
        if not session.execute(_text("rewritten_of"), self._parameters).rowcount:
            return
        session.execute("ANALYZE rewritten")
        fields = [row[0] for row in session.execute("SELECT DISTINCT field FROM rewritten ORDER BY 1")]
        ids = [row[0] for row in session.execute("SELECT DISTINCT sf_id FROM rewritten ORDER BY 1")]
        self._read_again(ids, fields)
        session.execute("ANALYZE seen")
        session.execute(_see_there(fields, self._kinds()))
        self.found.there_back = session.execute(_text("plan_undo"), self._parameters).rowcount
        session.execute(_hold_there(self._spec, self._sf_fields(self._spec)), self._parameters)
        self._left(session.execute(_text("left_there"), self._parameters))

    def _read_again(self, ids: Sequence[str], fields: Sequence[str]) -> None:
        """What Salesforce has by now: few by their Ids, many as what has changed since the run began to write."""
        listed = f"SELECT Id, {', '.join(fields)} FROM {self._spec.name} WHERE "
        if len(ids) > settings.ENVIRONMENT.rest_limit and (since := self._first_sent()) is not None:
            self._read_bulk(f"{listed}SystemModstamp >= {literal(since - CLOCKS_DIFFER)}")
            return
        for start in range(0, len(ids), _IDS_A_QUERY):
            some = ", ".join(f"'{sf_id}'" for sf_id in ids[start : start + _IDS_A_QUERY])
            for page in self._client.query_pages(f"{listed}Id IN ({some})"):
                self._session.execute(
                    "INSERT INTO seen SELECT r ->> 'Id', r FROM jsonb_array_elements(%s::jsonb) AS r",
                    (page.records_json.decode().replace("\\u0000", ""),),
                )

    def _first_sent(self) -> datetime | None:
        row = self._session.execute(
            "SELECT min(since) FROM write_batch WHERE run_id = %(undoes)s", self._parameters
        ).fetchone()
        return row[0] if row else None

    def _read_bulk(self, soql: str) -> None:
        job = self._client.bulk_query(soql)
        job.wait()
        for page in job.pages(settings.ENVIRONMENT.import_page_records):
            with job.open_page(page) as stream:
                names = [sql.Identifier(name) for name in stream.columns]
                self._session.execute("DROP TABLE IF EXISTS back")
                self._session.execute(
                    sql.SQL("CREATE TEMP TABLE back ({})").format(
                        sql.SQL(", ").join(sql.SQL("{} text").format(name) for name in names)
                    )
                )
                copying = sql.SQL("COPY back FROM STDIN (FORMAT csv, ENCODING 'UTF8')")
                with self._session.cursor().copy(copying) as copy:
                    for chunk in stream.chunks:
                        copy.write(chunk.replace(b"\0", b""))
            self._session.execute(
                'INSERT INTO seen SELECT b."Id", to_jsonb(b) FROM back AS b '
                'WHERE b."Id" IN (SELECT sf_id FROM rewritten)'
            )
        job.discard()

    # -- mappings

    def _sf_fields(self, spec: SObject) -> dict[str, str]:
        """Local fields and their Salesforce fields, as they are mapped now."""
        if spec.rides_with is not None:
            return {each.local_field: each.sf_field for each in spec.fixed}
        mapped = FieldMapping.objects.filter(setting__connection=self._undone.connection_id, setting__sobject=spec.name)
        return {mapping.local_field: mapping.sf_field for mapping in mapped}

    def _kinds(self) -> dict[str, FieldType]:
        types = {f.name: f.type for f in fields(self._spec.local)}
        return {sf_field: types[name] for name, sf_field in self._sf_fields(self._spec).items() if name in types}

    def _left(self, noted: psycopg.Cursor[tuple[Any, ...]]) -> None:
        self.found.left.update(reason for (reason,) in noted)


def put_back(run: Run, undone: Run, client: Client) -> None:
    """The undo's own run: puts back what is here, once, and plans what Salesforce gets back. Raises `Lost`."""
    assert run.cause_id is not None
    with sessions.session(f"undo {undone.pk}", _SETTINGS) as session:
        undo = Undo(session, client, undone, by=run.pk, cause=run.cause_id)
        session.commit()
        if "is_put_back" not in run.checkpoint:
            undo.put_back_here()
            if not keep_counts(session, run, undo.found):
                session.rollback()
                raise Lost
            session.commit()
        undo.plan_there(keeps_created=not deletes_created(run))
        session.commit()
    run.refresh_from_db(fields=["checkpoint"])


def deletes_created(run: Run) -> bool:
    """Whether an undo is to remove what the undone run created in Salesforce."""
    return bool(run.checkpoint.get("delete_created"))


def remove_created(run: Run, undone: Run, client: Client) -> None:
    """Removes from Salesforce what the undone run created there, as `undo_created` says. Raises `Lost`."""
    with sessions.session(f"undo {undone.pk}", _SETTINGS) as session:
        Remover(session, client, undone, run).remove()


def let_go(run: Run) -> None:
    """What Salesforce did not take back is not held: there, nothing is as the undo would have left it."""
    with sessions.session(f"undo {run.pk}", _SETTINGS) as session:
        text = sql.SQL(_text("let_go").replace("'{}'", "'{{}}'"))
        session.execute(text.format(mirror=sql.Identifier(OBJECTS[run.sobject].mirror)), {"run": run.pk})
        session.commit()


def keep_counts(session: Session, run: Run, found: Undone) -> bool:
    """Notes in the transaction that the local half is done. False when the run is another execution's."""
    said = {"is_put_back": True, "here": [found.here, found.here_back, found.here_values], "left": dict(found.left)}
    updated = session.execute(
        "UPDATE run SET checkpoint = checkpoint || %s, processed = %s, updated_at = now() "
        "WHERE id = %s AND state = 'running' AND attempts = %s",
        (Jsonb(said), found.here, run.pk, run.attempts),
    )
    return updated.rowcount > 0


def _kept_as(record: str) -> list[SObject]:
    """The objects whose records are kept in such local records."""
    return [spec for spec in OBJECTS.values() if spec.local == record and spec.obeys_settings]


def _columns(record: str) -> dict[str, FieldType | None]:
    """The columns that a run writes: fields, and references (None)."""
    references = dict.fromkeys((p.local_column for spec in _kept_as(record) for p in spec.parents), None)
    return {**{f.name: f.type for f in fields(record)}, **references}


def _canonical(column: str, kind: FieldType | None) -> sql.Composable:
    own = sql.Identifier("a", column)
    return values.local(kind, own) if kind is not None else own


def _current(record: str) -> sql.Composed:
    """(field, value) rows of the local record ``a``."""
    return sql.SQL(", ").join(
        sql.SQL("({}, to_jsonb({}))").format(sql.Literal(column), _canonical(column, kind))
        for column, kind in _columns(record).items()
    )


def _see_here(record: str) -> sql.Composed:
    """What is there now, and whether it is what the run wrote."""
    return sql.SQL(
        "UPDATE undone AS u SET now = v.now, is_same = v.now IS NOT DISTINCT FROM u.after "
        "FROM {local} AS a CROSS JOIN LATERAL (VALUES {current}) AS v (field, now) "
        "WHERE a.id = u.record_id AND v.field = u.field"
    ).format(local=sql.Identifier(record), current=_current(record))


def _restore(record: str) -> sql.Composed:
    assignments = [
        sql.SQL("{0} = CASE WHEN n.doc ? {1} THEN {2} ELSE a.{0} END").format(
            sql.Identifier(column), sql.Literal(column), _stored(column, kind)
        )
        for column, kind in _columns(record).items()
    ]
    return sql.SQL(
        "UPDATE {local} AS a SET {assignments}, updated_at = now() "
        "FROM (SELECT record_id, jsonb_object_agg(field, before) AS doc FROM undone WHERE is_same GROUP BY 1) AS n "
        "WHERE a.id = n.record_id"
    ).format(local=sql.Identifier(record), assignments=sql.SQL(", ").join(assignments))


def _stored(column: str, kind: FieldType | None) -> sql.Composed:
    form: LiteralString = "bigint" if kind is None else values.SQL_TYPES[kind]
    value = sql.SQL("(n.doc ->> {})::{}").format(sql.Literal(column), sql.SQL(form))
    return sql.SQL("coalesce({}, false)").format(value) if kind is FieldType.BOOLEAN else value


def _move_keys(record: str) -> list[sql.Composed]:
    """The key follows the website or e-mail address, as it does in a pull."""
    spec = _kept_as(record)[0]
    if spec.key is None:
        return []
    name = spec.key.local_field
    return [
        sql.SQL("DROP TABLE IF EXISTS merged").format(),
        sql.SQL(
            "CREATE TEMP TABLE merged AS SELECT record_id AS local_id, now #>> '{{}}' AS {}, before #>> '{{}}' AS {} "
            "FROM undone WHERE is_same AND field = {}"
        ).format(sql.Identifier(f"before_{name}"), sql.Identifier(f"after_{name}"), sql.Literal(name)),
        *apply.key_moves(spec),
    ]


def _hold_here(spec: SObject, sf_fields: dict[str, str]) -> sql.Composed:
    """What was put back here stays different from Salesforce. Parameters: connection."""
    pairs = [(local, name, False) for local, name in sf_fields.items()]
    pairs += [(parent.local_column, parent.mirror_column, True) for parent in spec.parents]
    return sql.SQL(
        """
        UPDATE {mirror} AS m
           SET held = jsonb_build_object('s', coalesce(m.held -> 's', '{{}}') || n.theirs,
                                         'a', coalesce(m.held -> 'a', '{{}}') || n.ours)
          FROM (
              SELECT s.sf_id, jsonb_object_agg(p.name, coalesce(
                         CASE WHEN p.is_column THEN to_jsonb(s) -> p.name ELSE s.values -> p.name END, 'null')
                     ) AS theirs,
                     jsonb_object_agg(p.name, coalesce(u.before, 'null')) AS ours
                FROM undone AS u
                JOIN (VALUES {pairs}) AS p (field, name, is_column) ON p.field = u.field
                JOIN {mirror} AS s ON s.local_id = u.record_id AND s.connection_id = %(connection)s AND s.role = 1
               WHERE u.is_same
               GROUP BY s.sf_id
          ) AS n
         WHERE m.connection_id = %(connection)s AND m.sf_id = n.sf_id
        """
    ).format(mirror=sql.Identifier(spec.mirror), pairs=_rows(pairs))


def _hold_there(spec: SObject, sf_fields: dict[str, str]) -> sql.Composed:
    """What is put back in Salesforce stays different from what is here. Parameters: connection."""
    ours = [
        sql.SQL("({}, to_jsonb({}))").format(sql.Literal(sf_fields[column]), _canonical(column, kind))
        for column, kind in _columns(spec.local).items()
        if column in sf_fields
    ]
    return sql.SQL(
        """
        UPDATE {mirror} AS m
           SET held = jsonb_build_object('s', coalesce(m.held -> 's', '{{}}') || n.theirs,
                                         'a', coalesce(m.held -> 'a', '{{}}') || n.ours)
          FROM (
              SELECT r.sf_id, jsonb_object_agg(r.field, coalesce(r.before, 'null')) AS theirs,
                     jsonb_object_agg(r.field, coalesce(v.now, 'null')) AS ours
                FROM rewritten AS r
                JOIN {mirror} AS s ON s.connection_id = %(connection)s AND s.sf_id = r.sf_id AND s.role = 1
                JOIN {local} AS a ON a.id = s.local_id
               CROSS JOIN LATERAL (VALUES {ours}) AS v (field, now)
               WHERE r.is_same AND v.field = r.field
               GROUP BY r.sf_id
          ) AS n
         WHERE m.connection_id = %(connection)s AND m.sf_id = n.sf_id
        """
    ).format(
        mirror=sql.Identifier(spec.mirror), local=sql.Identifier(spec.local),
        ours=sql.SQL(", ").join(ours) if ours else sql.SQL("(NULL::text, NULL::jsonb)"),
    )  # fmt: skip


def _rows(pairs: Sequence[tuple[str, str, bool]]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("({}, {}, {})").format(*map(sql.Literal, pair)) for pair in pairs)


def _see_there(fields: Sequence[str], kinds: dict[str, FieldType]) -> sql.Composed:
    """What Salesforce has now, and whether it is what was sent. A record that did not come is gone."""
    tests = [
        sql.SQL("WHEN {} THEN {} IS NOT DISTINCT FROM {}").format(
            sql.Literal(name),
            values.from_text(kinds.get(name, FieldType.TEXT), sql.SQL("(s.doc ->> {})").format(sql.Literal(name))),
            values.from_text(kinds.get(name, FieldType.TEXT), sql.SQL("(r.sent #>> '{{}}')").format()),
        )
        for name in fields
    ]
    return sql.SQL(
        "UPDATE rewritten AS r SET now = s.doc -> r.field, is_same = CASE r.field {} END "
        "FROM seen AS s WHERE s.sf_id = r.sf_id"
    ).format(sql.SQL(" ").join(tests))


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/undo.sql", name)
