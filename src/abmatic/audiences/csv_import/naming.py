"""What became of the accounts that rows name: the rows beside what was found for them, counted, and shown for a few."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import sql

from abmatic.audiences.csv_import import comparing, deciding
from abmatic.audiences.csv_import.cells import Session
from abmatic.audiences.csv_import.mapping import Mapping
from abmatic.audiences.csv_import.models import FileImport

SAMPLES = 3
_KINDS: dict[str, LiteralString] = {
    "linked": "t.reason IS NULL AND t.account IS NOT NULL",
    "created": "t.reason IS NULL AND t.makes_account AND {uses}",
    "missing": "(t.reason IS NULL OR t.is_firm_fault) AND t.firm_said IS NOT NULL AND t.account IS NULL "
    "AND NOT t.makes_account AND NOT t.is_several",
    "ambiguous": "t.is_firm_fault AND t.is_several",
    "kept": "t.reason IS NULL AND a.account_id IS NOT NULL AND {keeps}",
}


def rows(mapping: Mapping) -> sql.Composed:
    """Rows that aren't rejected, beside the records that they are."""
    return sql.SQL("{} WHERE t.reason IS NULL").format(_beside(mapping))


def _beside(mapping: Mapping) -> sql.Composed:
    """All rows ``t`` with their accounts, beside the records ``a`` that they are."""
    if mapping.account is None:
        named = sql.SQL("(SELECT t.*, NULL::bigint AS account, false AS makes_account FROM typed AS t)").format()
    else:
        named = sql.SQL(
            "(SELECT t.*, {account} AS account, {makes} AS makes_account, "
            "coalesce(cardinality(f.ids) > 1, false) AS is_several, f.ids "
            "FROM typed AS t LEFT JOIN firms AS f ON f.key = t.firm)"
        ).format(account=deciding.one_account(), makes=deciding.is_to_be_made(mapping))
    return sql.SQL("{named} AS t LEFT JOIN {table} AS a ON {same}").format(
        named=named, table=sql.Identifier(mapping.record), same=_same(mapping)
    )


def _same(mapping: Mapping) -> sql.Composed:
    if mapping.key is not None:
        return sql.SQL("a.{} = t.key").format(sql.Identifier(mapping.key.column))
    return sql.SQL("a.id = CASE WHEN t.key ^@ '=' THEN substr(t.key, 2)::bigint END").format()


def told(session: Session, mapping: Mapping) -> dict[str, Any]:
    """Numbers of rows by `_KINDS`, how many accounts would be made, and a few rows of each kind.

    ``kept``: rows whose record has another account, and keeps it.
    """
    if mapping.account is None:
        return {}
    tests = {kind: _test(mapping, kind) for kind in _KINDS}
    counted = sql.SQL("SELECT {}, count(DISTINCT t.firm) FILTER (WHERE {}) FROM {}").format(
        sql.SQL(", ").join(sql.SQL("count(*) FILTER (WHERE {})").format(test) for test in tests.values()),
        tests["created"],
        _beside(mapping),
    )
    *numbers, made = session.execute(counted).fetchone() or [0] * (len(tests) + 1)
    return {
        **dict(zip(tests, numbers, strict=True)),
        "accounts_made": made,
        "samples": {kind: _samples(session, mapping, test) for kind, test in tests.items()},
    }


def _test(mapping: Mapping, kind: str) -> sql.Composed:
    return sql.SQL(_KINDS[kind]).format(
        uses=uses_account(mapping),
        keeps=sql.SQL("(t.makes_account OR t.account <> a.account_id) AND NOT {}").format(
            comparing.is_account_changed(mapping)
        ),
    )


def uses_account(mapping: Mapping) -> sql.Composed:
    """Whether a row would write its account, if there were one."""
    return sql.SQL("(a.id IS NULL OR {})").format(comparing.is_account_open(mapping))


def _samples(session: Session, mapping: Mapping, test: sql.Composable) -> list[dict[str, Any]]:
    statement = sql.SQL(
        "SELECT t.line, left(t.firm_said, 120), coalesce(t.ids, '{{}}'), "
        "(SELECT coalesce(o.name, o.domain) FROM account AS o WHERE o.id = t.account) FROM {} WHERE {} "
        "ORDER BY t.n LIMIT {}"
    ).format(_beside(mapping), test, sql.Literal(SAMPLES))
    return [
        {"line": line, "said": said, "accounts": ids, "name": name}
        for line, said, ids, name in session.execute(statement)
    ]


def keep_unlinked(session: Session, mapping: Mapping, file_id: int) -> None:
    """Writes down, of a preview, the rows that would be imported without the account they name. The caller commits."""
    if mapping.account is None or mapping.missing is not FileImport.MissingAccount.LEAVE:
        return
    session.execute(
        sql.SQL(
            "INSERT INTO rejected_row (file_id, number, line, is_repeat, is_imported, reason) "
            "SELECT {file}, t.n, t.line, false, true, {problem} FROM ("
            "SELECT t.* FROM {beside} WHERE t.reason IS NULL AND t.firm_said IS NOT NULL AND t.account IS NULL "
            "AND {uses}) AS t LEFT JOIN firms AS f ON f.key = t.firm ORDER BY t.n"
        ).format(
            file=sql.Literal(file_id), problem=deciding.problem(mapping), beside=_beside(mapping),
            uses=uses_account(mapping),
        )
    )  # fmt: skip
