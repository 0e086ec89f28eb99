"""The accounts of a chunk's rows: looked up as they are now, made where that was chosen, and held until it commits.

Where opportunities are imported, the account also says which opportunity a row is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from abmatic.audiences.csv_import import comparing, deciding
from abmatic.audiences.csv_import.cells import Session, value
from abmatic.audiences.csv_import.mapping import Mapping
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.references import By
from abmatic.postgres.sql import block


@dataclass(slots=True)
class Joined:
    """How many accounts were made, and how many rows of the chunk are rejected after all."""

    made: int = 0
    refused: int = 0


def join(session: Session, mapping: Mapping, file: FileImport) -> Joined:
    """Gives each row of ``chunk`` its account and, of opportunities, the record that it is."""
    joined = Joined()
    if mapping.key is not None:
        # Before accounts are made for them.
        joined.refused += _refuse_excused(session, file)
    if mapping.account is not None:
        deciding.look_again(session, mapping.account)
        if mapping.key is None:
            # Before accounts are made: one that has an Id of its own may keep the account it has.
            session.execute(deciding.by_own_id())
        if mapping.missing is FileImport.MissingAccount.CREATE:
            joined.made = _make(session, mapping, file)
        statement = sql.SQL(_text("settle_accounts")).format(
            problem=deciding.problem(mapping), rejects=deciding.rejects(mapping)
        )
        session.execute(statement)
        joined.refused += _refuse(session, file)
        session.execute(_text("hold_accounts"))
    if mapping.key is None:
        # Two imports that make opportunities would each make those that the other is about to: nothing is unique here.
        _alone(session, "file-import-opportunity")
        session.execute(
            sql.SQL(
                "UPDATE chunk AS u SET target = d.ids[1], note = coalesce(d.problem, u.note), "
                "is_refused = d.problem IS NOT NULL FROM ({}) AS d WHERE d.n = u.n"
            ).format(deciding.deals(mapping, "chunk"))
        )
        joined.refused += _refuse(session, file)
        joined.refused += _refuse_excused(session, file)
    return joined


def _make(session: Session, mapping: Mapping, file: FileImport) -> int:
    """Makes the accounts that are lacking; by name, one import at a time, because names aren't unique."""
    assert mapping.account is not None
    _alone(session, "file-import-accounts")
    deciding.look_again(session, mapping.account)
    # An opportunity with an Id of its own is here, or its row is rejected: it is never made.
    is_new: LiteralString = "a.id IS NULL" if mapping.key is not None else "a.id IS NULL AND t.own_said IS NULL"
    is_open = comparing.is_account_open(mapping)
    uses = sql.SQL("({} OR a.id IS NOT NULL AND {})").format(sql.SQL(is_new), is_open)
    session.execute(sql.SQL(_text("name_accounts")).format(table=sql.Identifier(mapping.record), uses=uses))
    is_domain = mapping.account.by is By.DOMAIN
    made = session.execute(
        sql.SQL(_text("make_accounts")).format(
            name=_name(mapping) if is_domain else sql.SQL("m.said"),
            website=sql.SQL("m.said" if is_domain else "NULL"),
            domain=sql.SQL("m.key" if is_domain else "NULL"),
            cause=sql.Literal(file.cause_id),
        )
    ).rowcount
    session.execute(_text("know_accounts"))
    session.execute(_text("note_accounts"), {"cause": file.cause_id})
    return made


def _name(mapping: Mapping) -> sql.Composed:
    """What an account that is known by its domain is called: the company of its first row, or the domain."""
    at = mapping.column("company")
    if at is None:
        return sql.SQL("m.key").format()
    return sql.SQL(
        "coalesce((SELECT c.{0} FROM chunk AS c WHERE c.firm = m.key AND c.{0} IS NOT NULL ORDER BY c.n LIMIT 1), "
        "m.key)"
    ).format(value(at))


def _refuse_excused(session: Session, file: FileImport) -> int:
    """A row with a value that only its record may have makes no record without it."""
    session.execute(_text("refuse_excused"))
    return _refuse(session, file)


def _refuse(session: Session, file: FileImport) -> int:
    return session.execute(_text("refuse"), {"file": file.pk}).rowcount


def _alone(session: Session, name: str) -> None:
    """Until the chunk commits, no other import is at the same."""
    session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.audiences", "sql/csv_import.sql", name)
