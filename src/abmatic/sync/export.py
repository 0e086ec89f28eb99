"""Exports as CSV: runs, what a run did and found, changes, open issues; however many, in memory that stays flat.

Postgres makes the file: one COPY, of which each row is handed on as it comes, so a million rows take no more memory
here than ten, and all of them are as of one moment. RFC 4180: comma, CRLF, quotes where they are needed; UTF-8. An
empty cell is no value; an empty text is "".

A text that a spreadsheet would take for a formula gets an apostrophe before it (see `formulas`); numbers don't.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString

from psycopg import sql

from abmatic.audiences.formulas import harmless_sql
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.sync import activity, issues
from abmatic.sync.history import Filter as ChangeFilter
from abmatic.sync.models import Run
from abmatic.sync.objects import OBJECTS, configurable
from abmatic.sync.reasons import REASONS
from abmatic.sync.refusals import REFUSALS, refusal

Kind = Literal["text", "plain", "json", "moment"]

# Tells spreadsheets that a file is UTF-8; programs that read it need no such thing.
BYTE_ORDER_MARK = "\ufeff".encode()
_PIECE = 64 * 1024
_SETTINGS = {
    "timezone": "UTC", "jit": "off", "default_transaction_read_only": "on", "work_mem": "32MB",
    # Whoever stopped reading, without going, doesn't hold it for ever.
    "statement_timeout": "2h",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its title, the column of the statement, and what is in it."""

    title: str
    name: str
    kind: Kind = "plain"


@dataclass(frozen=True, slots=True)
class Export:
    """A file to be: ``name`` without ending, its columns, and the statement whose rows are its lines."""

    name: str
    columns: tuple[Column, ...]
    rows: sql.Composed

    def stream(self, *, with_mark: bool = False) -> Generator[bytes, None, None]:
        """The file, in pieces of about 64 KB. Closing the generator ends the statement."""
        if with_mark:
            yield BYTE_ORDER_MARK
        piece = bytearray()
        with sessions.session(f"export {self.name}", _SETTINGS) as session, session.cursor() as cursor:
            with cursor.copy(self._statement()) as copy:
                for row in copy:  # one row each; its last byte is Postgres' line feed
                    piece += row[:-1]
                    piece += b"\r\n"
                    if len(piece) >= _PIECE:
                        yield bytes(piece)
                        piece.clear()
            yield bytes(piece)

    def _statement(self) -> sql.Composed:
        cells = sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(_cell(column), sql.Identifier(column.title)) for column in self.columns
        )
        return sql.SQL("COPY (SELECT {} FROM ({}) AS rows) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')").format(
            cells, self.rows
        )


def _cell(column: Column) -> sql.Composable:
    value = sql.Identifier("rows", column.name)
    match column.kind:
        case "text":
            return harmless_sql(value)
        case "json":
            text = sql.SQL("({} #>> '{{}}')").format(value)
            return sql.SQL("CASE jsonb_typeof({}) WHEN 'string' THEN {} ELSE {} END").format(
                value, harmless_sql(text), text
            )
        case "moment":
            return sql.SQL('to_char({}, \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\')').format(value)
        case _:
            return value


def runs(wanted: activity.Filter | None = None) -> Export:
    """Runs, oldest first, with their counts."""
    return Export("runs", _RUNS, _block("runs", filters=activity.conditions(wanted or activity.Filter())))


def findings(run: Run, *, reason: str | None = None) -> Export:
    """What a run had to say about single records."""
    known = [(each.code, each.label, each.kind, each.meaning, each.remedy) for each in REASONS.values()]
    name = f"run-{run.pk}-{run.sobject}{'-' + reason if reason in REASONS else ''}".lower()
    filters = _filters({"f.run_id": run.pk, "f.reason": reason})
    return Export(name, _FINDINGS, _block("findings", filters=filters, reasons=_values(known)))


def records(run: Run) -> Export:
    """What a run did: a line for each record made here, each value changed here, each value written to Salesforce.

    Only of an object that `has_records`.
    """
    spec = OBJECTS[run.sobject]
    rows = _block(
        "records",
        record=sql.Literal(spec.local), local=sql.Identifier(spec.local), mirror=sql.Identifier(spec.mirror),
        connection=sql.Literal(run.connection_id), cause=sql.Literal(run.cause_id), run=sql.Literal(run.pk),
        name_of_record=_name("q.record", "q.local_id"),
    )  # fmt: skip
    return Export(f"run-{run.pk}-{run.sobject}-records".lower(), _RECORDS, rows)


def changes(wanted: ChangeFilter) -> Export:
    """The change log, oldest first."""
    equal = {
        "h.record": wanted.of and wanted.of.record, "h.record_id": wanted.of and wanted.of.id, "h.field": wanted.field,
        "u.run_id": wanted.run_id,
    }  # fmt: skip
    filters = _filters(equal, "h.at", wanted.since)
    name = _name("h.record", "h.record_id")
    return Export("changes", _CHANGES, _block("changes", filters=filters, name_of_change=name))


def open_issues(wanted: issues.Filter) -> Export:
    """What is open, oldest first, with what it means and what helps."""
    equal = {
        "i.connection_id": wanted.connection and wanted.connection.pk, "i.sobject": wanted.sobject,
        "i.code": wanted.code, "i.local_id": wanted.local_id,
    }  # fmt: skip
    unknown = refusal("")
    kinds = sql.SQL("CASE i.sobject {} END").format(
        sql.SQL(" ").join(
            sql.SQL("WHEN {} THEN {}").format(sql.Literal(spec.name), sql.Literal(spec.local))
            for spec in configurable()
        )
    )
    rows = _block(
        "issues",
        filters=_filters(equal, "i.last_at", wanted.since),
        refusals=_values([(each.code, each.label, each.meaning, each.remedy) for each in REFUSALS.values()]),
        meaning=sql.Literal(unknown.meaning), remedy=sql.Literal(unknown.remedy),
        name_of_issue=_name(kinds, "i.local_id"),
    )  # fmt: skip
    return Export("issues", _ISSUES, rows)


def _filters(
    equal: dict[LiteralString, Any], moment: LiteralString = "", since: datetime | None = None
) -> sql.Composable:
    """What rows must hold; None leaves a column open."""
    tests: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.SQL(column), sql.Literal(value))
        for column, value in equal.items()
        if value is not None
    ]
    if since is not None:
        tests.append(sql.SQL("{} >= {}").format(sql.SQL(moment), sql.Literal(since)))
    return sql.SQL(" AND ").join(tests) if tests else sql.SQL("true")


def _name(record: LiteralString | sql.Composable, local_id: LiteralString) -> sql.Composed:
    """What a local record is called now, as on the pages."""
    kind = sql.SQL(record) if isinstance(record, str) else record
    return sql.SQL(
        "SELECT CASE {kind} "
        "WHEN 'account' THEN (SELECT coalesce(nullif(a.name, ''), a.domain) FROM account AS a WHERE a.id = {id}) "
        "WHEN 'contact' THEN (SELECT coalesce(nullif(btrim(concat_ws(' ', p.first_name, p.last_name)), ''), "
        "p.work_email) FROM contact AS p WHERE p.id = {id}) "
        "WHEN 'opportunity' THEN (SELECT o.name FROM opportunity AS o WHERE o.id = {id}) END AS name"
    ).format(kind=kind, id=sql.SQL(local_id))


def _values(rows: Sequence[tuple[str, ...]]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("({})").format(sql.SQL(", ").join(sql.Literal(value) for value in row)) for row in rows
    )


def _block(name: LiteralString, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(block("abmatic.sync", "sql/export.sql", name)).format(**parts)


def has_records(run: Run) -> bool:
    """Whether what the run did can be told record by record; of what is only read along it can't."""
    return run.sobject in OBJECTS and OBJECTS[run.sobject].collection


_RUNS = (
    Column("Run", "id"), Column("Connection", "connection", "text"), Column("Object", "sobject"),
    Column("Trigger", "trigger"), Column("Direction", "direction"), Column("Full", "is_full"), Column("State", "state"),
    Column("Queued at", "queued_at", "moment"), Column("Started at", "started_at", "moment"),
    Column("Finished at", "finished_at", "moment"), Column("Seconds", "seconds"),
    Column("Started by", "started_by", "text"), Column("Undoes run", "undoes_id"), Column("Read", "read"),
    Column("Created", "created"), Column("Linked", "linked"), Column("Updated", "updated"),
    Column("Unchanged", "unchanged"), Column("Duplicates", "duplicate"), Column("Deleted", "deleted"),
    Column("Skipped", "skipped"), Column("Created in Salesforce", "sf_created"),
    Column("Updated in Salesforce", "sf_updated"), Column("Refused", "sf_refused"), Column("Held back", "sf_held"),
    Column("Waiting for another record", "sf_waiting"), Column("To be sent again", "sf_returned"),
    Column("Without an answer", "sf_unknown"), Column("Reader", "reader"), Column("API calls", "api_calls"),
    Column("Outcome", "outcome", "text"), Column("Error", "error_code", "text"),
    Column("Error message", "error_message", "text"), Column("Remedy", "error_remedy", "text"),
)  # fmt: skip
_FINDINGS = (
    Column("Salesforce Id", "sf_id", "text"), Column("Reason", "reason", "text"), Column("Kind", "kind"),
    Column("Field", "field", "text"), Column("Value", "value", "text"), Column("Meaning", "meaning", "text"),
    Column("Remedy", "remedy", "text"), Column("Abmatic id", "local_id"),
)  # fmt: skip
_RECORDS = (
    Column("Side", "side"), Column("Action", "action"), Column("Record", "record"), Column("Abmatic id", "local_id"),
    Column("Name", "name", "text"), Column("Salesforce Id", "sf_id", "text"), Column("Field", "field", "text"),
    Column("Before", "before", "json"), Column("After", "after", "json"), Column("Code", "code", "text"),
    Column("Message", "message", "text"), Column("At", "at", "moment"),
)  # fmt: skip
_CHANGES = (
    Column("Change", "id"), Column("At", "at", "moment"), Column("Record", "record"), Column("Abmatic id", "record_id"),
    Column("Name", "name", "text"), Column("Field", "field", "text"), Column("Before", "before", "json"),
    Column("After", "after", "json"), Column("Cause", "kind"), Column("Run", "run_id"),
    Column("Person", "person", "text"), Column("Note", "note", "text"), Column("Conflict", "conflict", "text"),
)  # fmt: skip
_ISSUES = (
    Column("Issue", "id"), Column("Connection", "connection", "text"), Column("Object", "sobject"),
    Column("Abmatic id", "local_id"), Column("Name", "name", "text"), Column("Salesforce Id", "sf_id", "text"),
    Column("Field left out", "field", "text"), Column("Code", "code", "text"), Column("Cause", "label", "text"),
    Column("Message", "message", "text"), Column("Fields", "fields", "text"), Column("Sent", "sent", "json"),
    Column("Meaning", "meaning", "text"), Column("Remedy", "remedy", "text"), Column("Run", "run_id"),
    Column("Times", "times"), Column("First met", "first_at", "moment"), Column("Last met", "last_at", "moment"),
    Column("To be tried again since", "retry_at", "moment"),
)  # fmt: skip
