"""Values that nobody may give a field here though a CRM may: a row is not rejected for one that its record has already.

As with an edit (see `inputs.objection`): whoever exports a record, corrects its city and sends it back has not given it
its negative revenue. Such a cell changes nothing, as an empty one does. Which record a row is, is looked up here only
for rows that have such a cell: they are few, and files are long.
"""

from __future__ import annotations

from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.csv_import import deciding, references
from abmatic.audiences.csv_import.cells import FIRM, OWN, cell, value
from abmatic.audiences.csv_import.mapping import Mapping
from abmatic.audiences.csv_import.typing import is_objectionable, storable


def beside(mapping: Mapping) -> sql.Composable:
    """Joins the record that a staged row ``s`` is, as ``held``, where a cell of it needs that; else nothing."""
    judged = _judged(mapping)
    which = _which(mapping)
    if not judged or which is None:
        return sql.SQL("")
    needed = [sql.SQL("s.{} IS NOT NULL AND s.{} IS NULL").format(cell(at), value(at)) for at in judged]
    held = [sql.SQL("r.{} AS {}").format(sql.Identifier(mapping.mapped[at].field.name), _held(at)) for at in judged]
    # The limit keeps it from becoming a join of all rows, of which each would be looked up.
    return sql.SQL(
        " LEFT JOIN LATERAL (SELECT {held} FROM {table} AS r WHERE ({needed}) AND r.id = ({which}) LIMIT 1) AS held "
        "ON true"
    ).format(
        held=sql.SQL(", ").join(held),
        table=sql.Identifier(mapping.record),
        needed=sql.SQL(" OR ").join(needed),
        which=which,
    )


def is_untouched(mapping: Mapping, at: int) -> sql.Composable:
    """Whether the record has what is in the cell, which is more than any other may be given."""
    if at not in _judged(mapping) or _which(mapping) is None:
        return sql.SQL("false")
    field = mapping.mapped[at].field
    given = storable(field, cell(at), decimal_comma=mapping.decimal_comma, day_first=mapping.day_first)
    here = canonical.local(field.type, sql.SQL("held.{}").format(_held(at)))
    return sql.SQL("coalesce({} = {}, false)").format(given, here)


def _judged(mapping: Mapping) -> list[int]:
    """The mapped columns whose fields take less than can be stored."""
    return [at for at, each in enumerate(mapping.mapped) if is_objectionable(each.field)]


def _held(at: int) -> sql.Identifier:
    return sql.Identifier(f"h{at}")


def _which(mapping: Mapping) -> sql.Composable | None:
    """A query for the id of the record that a staged row is; None where no row is any that is here."""
    if mapping.key is not None:
        return sql.SQL("SELECT k.id FROM {} AS k WHERE k.{} = s.key LIMIT 1").format(
            sql.Identifier(mapping.record), sql.Identifier(mapping.key.column)
        )
    by_id = by_name = sql.SQL("SELECT NULL::bigint WHERE false").format()
    if mapping.own_id is not None:
        by_id = references.elsewhere_found(mapping.record, references.own_key(OWN))
    name = mapping.column("name")
    if mapping.account is not None and name is not None:
        accounts = references.accounts(mapping.account.by, references.key(mapping.account.by, FIRM))
        by_name = deciding.of_account(_only(accounts), value(name))
    has_id = sql.SQL("{} IS NOT NULL").format(OWN) if mapping.own_id is not None else sql.SQL("false").format()
    return sql.SQL("SELECT CASE WHEN {} THEN ({}) ELSE ({}) END").format(has_id, _only(by_id), _only(by_name))


def _only(ids: sql.Composable) -> sql.Composed:
    """The id that a query finds, where that is one."""
    found = "(SELECT CASE WHEN cardinality(o.ids) = 1 THEN o.ids[1] END FROM (SELECT ARRAY({}) AS ids) AS o)"
    return sql.SQL(found).format(ids)
