"""Columns that name another record, or the record itself: the account by name, domain or CRM Id; a deal's own Id.

They are chosen like fields, and are none: what is written is the reference to the record that they find. An account
that several are found for is never guessed: the row is rejected and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString

from psycopg import sql

from abmatic.audiences import elsewhere
from abmatic.audiences.editing import editable
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.sorting import sort_key_of


class By(StrEnum):
    """What an account is found by; the name under which a column is chosen for it."""

    NAME = "account_by_name"
    DOMAIN = "account_by_domain"
    CRM_ID = "account_by_crm_id"


OWN_ID = "crm_id"
# Records of these kinds have an account, and opportunities are found by their own Id as well.
_HAVE_ACCOUNT = ("contact", "opportunity")
_LABELS = {By.NAME: "Account: by name", By.DOMAIN: "Account: by domain"}
# Of accounts that have one name so many are told.
MOST_FOUND = 3
_BY_NAME: LiteralString = (
    "SELECT r.id FROM account AS r WHERE {indexed} = {sorted} AND lower(btrim(r.name)) = {key} "
    "ORDER BY r.id LIMIT {most}"
)


@dataclass(frozen=True, slots=True)
class AccountColumn:
    """The column that names the account. ``place`` counts from 0."""

    place: int
    heading: str
    by: By


@dataclass(frozen=True, slots=True)
class OwnId:
    """The column that holds the record's own Id in the CRM."""

    place: int
    heading: str


def importable(record: str) -> tuple[LocalField, ...]:
    """What a column can be: the fields, then the references."""
    return (*editable(record), *references(record))


def references(record: str) -> tuple[LocalField, ...]:
    """The references, as fields are shown."""
    if record not in _HAVE_ACCOUNT:
        return ()
    found = [LocalField(by.value, label, FieldType.TEXT) for by, label in _LABELS.items()]
    crm = elsewhere.known()
    if crm is not None and "account" in crm.finds:
        found.append(LocalField(By.CRM_ID.value, f"Account: by {crm.label}", FieldType.TEXT))
    if crm is not None and record == "opportunity" and record in crm.finds:
        found.append(LocalField(OWN_ID, crm.label, FieldType.TEXT))
    return tuple(found)


def key(by: By, text: sql.Composable) -> sql.Composed:
    """What an account is looked up by, of the text of a cell; NULL where the text can't be that of any."""
    match by:
        case By.NAME:
            return sql.SQL("lower(btrim({}))").format(text)
        case By.DOMAIN:
            return sql.SQL("(SELECT k.key FROM domain_of({}, true) AS k (key, problem))").format(text)
        case By.CRM_ID:
            return own_key(text)


def own_key(text: sql.Composable) -> sql.Composed:
    """The Id of a cell, as Ids are compared."""
    crm = elsewhere.known()
    return sql.SQL(crm.key).format(text=text) if crm is not None else sql.SQL("NULL::text").format()


def accounts(by: By, name: sql.Composable) -> sql.Composed:
    """A query for the ids of the accounts that have a key, by index; two at least where there are several."""
    match by:
        case By.NAME:
            # Keys are kept under "C", and the index isn't: without this it would be passed over for the whole table.
            name = sql.SQL('{} COLLATE "default"').format(name)
            return sql.SQL(_BY_NAME).format(
                indexed=sort_key_of(sql.Identifier("r", "name")), sorted=sort_key_of(name), key=name,
                most=sql.Literal(MOST_FOUND),
            )  # fmt: skip
        case By.DOMAIN:
            return sql.SQL("SELECT r.id FROM account AS r WHERE r.domain = {}").format(name)
        case By.CRM_ID:
            return elsewhere_found("account", name)


def elsewhere_found(record: str, name: sql.Composable) -> sql.Composed:
    """A query for the ids of the records that the CRM knows by an Id."""
    crm = elsewhere.known()
    if crm is None:
        return sql.SQL("SELECT NULL::bigint WHERE false").format()
    return sql.SQL(crm.finds[record]).format(key=name)


def follows(record: str, alias: str) -> sql.Composed:
    """Whether the account of a record is the CRM's to say."""
    crm = elsewhere.known()
    if crm is None or record not in crm.follows:
        return sql.SQL("false").format()
    return sql.SQL("({})").format(sql.SQL(crm.follows[record]).format(r=sql.Identifier(alias)))
