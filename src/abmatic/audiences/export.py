"""Records as rows for a file, streamed: a million need no more memory than ten, and are as of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from abmatic.audiences.fields import FieldType, fields
from abmatic.audiences.selection import Selection
from abmatic.postgres import sessions

_FETCH = 2_000
# Beside the fields: what tells records apart, and whose they are.
_MORE: dict[str, tuple[tuple[str, LiteralString], ...]] = {
    "account": (("Domain", "r.domain"),),
    "contact": (
        ("Kind", "nullif(r.kind, '')"),
        ("Account", "(SELECT a.name FROM account AS a WHERE a.id = r.account_id)"),
    ),
    "opportunity": (("Account", "(SELECT a.name FROM account AS a WHERE a.id = r.account_id)"),),
}
_TEXT: LiteralString = "coalesce(r.{}::text, '')"
# Stored with six decimals; 1000 is told as 1000.
_NUMBER: LiteralString = "coalesce(trim_scale(r.{})::text, '')"
_OWNER: tuple[str, LiteralString] = ("Owner", "(SELECT o.name FROM owner AS o WHERE o.id = r.owner_id)")


@dataclass(frozen=True, slots=True)
class Exported:
    """A head, and the statement whose rows are the file's, all texts."""

    head: list[str]
    statement: sql.Composed

    def rows(self) -> Iterator[list[str]]:
        """The rows; when whoever reads them goes, the statement ends."""
        settings = {"timezone": "UTC", "jit": "off", "default_transaction_read_only": "on"}
        with sessions.session("export", settings) as session, session.cursor(name="export") as cursor:
            cursor.execute(self.statement)
            while found := cursor.fetchmany(_FETCH):
                yield from (list(row) for row in found)


def export(chosen: Selection) -> Exported:
    """The selection with every field of its records. Raises `ConditionRefused`."""
    head = ["Id"]
    columns: list[sql.Composable] = [sql.SQL("r.id::text")]
    for field in fields(chosen.record):
        head.append(field.label)
        form = _NUMBER if field.type is FieldType.NUMBER else _TEXT
        columns.append(sql.SQL(form).format(sql.Identifier(field.name)))
    for label, value in (*_MORE[chosen.record], _OWNER):
        head.append(label)
        columns.append(sql.SQL("coalesce({}, '')").format(sql.SQL(value)))
    head += ["Created", "Updated"]
    moment: LiteralString = """to_char(r.{}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    columns += [sql.SQL(moment).format(sql.Identifier(name)) for name in ("created_at", "updated_at")]
    return Exported(head, sql.SQL("SELECT {} {} ORDER BY r.id").format(sql.SQL(", ").join(columns), chosen.source()))
