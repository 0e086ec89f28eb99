"""Custom fields: made in this installation, beside those that every installation has.

Each is a column of its record's table, so that everything that reads and writes fields, by the million or one by one,
does with it what it does with any other. Adding a column without a value for every row takes a moment however large
the table is, but it needs the table for itself for that moment: while a sync writes to it, somebody has to wait, and a
person gives up after three seconds instead of holding up the rest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg import sql

from abmatic.audiences.canonical import SQL_TYPES
from abmatic.audiences.fields import FIELDS, FieldType, LocalField, custom, fields
from abmatic.audiences.models import Collection, CustomField
from abmatic.identity import audit
from abmatic.identity.models import AuditEntry, User

# What a field can be made as, as people know them.
TYPES: dict[FieldType, str] = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: "Number",
    FieldType.DATE: "Date",
    FieldType.BOOLEAN: "Yes or no",
    FieldType.PICKLIST: "Picklist",
    FieldType.URL: "URL",
}
# Which records can have some.
RECORDS = (*Collection.Record.values, "campaign")
LONGEST_LABEL = 80
# Postgres allows 1,600 columns.
MOST = 500
_PATIENCE = "3s"
_LOCK_NOT_AVAILABLE = "55P03"


class FieldRefused(ValueError):
    """Why the field can't be made, and what helps."""


def create(record: str, label: str, kind: str, *, by: User | None = None) -> LocalField:
    """Makes a custom field of such records. Raises `FieldRefused`."""
    label = " ".join(label.split())
    made_as = _judged(record, label, kind)
    known = fields(record)
    if label.casefold() in {each.label.casefold() for each in known}:
        raise FieldRefused(f"There is a field {label} already: map that one, or give another name.")
    if sum(each.is_custom for each in known) >= MOST:
        raise FieldRefused(f"There are {MOST} custom fields already, which is as many as there can be.")
    name = _free_name(label, {each.name for each in known})
    try:
        with transaction.atomic():
            # First what tells of it: two people who make the same field at once meet here.
            made = CustomField.objects.create(record=record, name=name, label=label, type=made_as.value, created_by=by)
            _add_column(record, made, made_as)
            audit.note(
                AuditEntry.About.SETTINGS,
                f"{record} › {label}",
                "custom field made",
                by=audit.Author(user=by),
                subject_id=made.pk,
                differences=[audit.Difference("type", None, made_as.value, "added")],
            )
    except IntegrityError as error:
        raise FieldRefused(f"Somebody made a field {label} at the same moment: map that one.") from error
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        raise FieldRefused("A sync is writing to these records just now. Try again in a moment.") from error
    return LocalField(name, label, made_as, is_custom=True)


def _judged(record: str, label: str, kind: str) -> FieldType:
    if record not in RECORDS or record not in FIELDS:
        raise FieldRefused(f"{record} has no custom fields; {', '.join(RECORDS)} have.")
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        raise FieldRefused(f"Give it a name of 1 to {LONGEST_LABEL} characters.")
    if kind not in TYPES:
        raise FieldRefused(f"{kind!r} is no type of a field; types are {', '.join(TYPES)}.")
    return FieldType(kind)


def _free_name(label: str, taken: set[str]) -> str:
    """A plain column name made of the label: it is what people write in SQL and in settings files."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    stem = CustomField.PREFIX + (re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40] or "field")
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name


def _add_column(record: str, made: CustomField, kind: FieldType) -> None:
    form = "numeric(26, 6)" if kind is FieldType.NUMBER else SQL_TYPES[kind]
    # A checkbox is never empty.
    rest = " NOT NULL DEFAULT false" if kind is FieldType.BOOLEAN else ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
        cursor.execute(
            sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                sql.Identifier(record), sql.Identifier(made.name), sql.SQL(form + rest)
            )
        )
        cursor.execute("SELECT set_config('lock_timeout', '0', true)")


def values_of(record: str, record_id: int) -> list[tuple[LocalField, object]]:
    """The custom fields of one record with their values."""
    return values_of_all(record, [record_id])[record_id]


def values_of_all(record: str, ids: Sequence[int]) -> dict[int, list[tuple[LocalField, object]]]:
    """The custom fields of some records with their values, by the record's id."""
    made = custom(record)
    found: dict[int, list[tuple[LocalField, object]]] = {each: [] for each in ids}
    if not made or not found:
        return found
    with connection.cursor() as cursor:
        columns = sql.SQL(", ").join(sql.Identifier(each.name) for each in made)
        cursor.execute(
            sql.SQL("SELECT id, {} FROM {} WHERE id = ANY (%s)").format(columns, sql.Identifier(record)), [list(ids)]
        )
        for record_id, *values in cursor.fetchall():
            found[record_id] = list(zip(made, values, strict=True))
    return found
