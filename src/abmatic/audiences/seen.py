"""What an editor saw of a value, so that nobody's newer one is written over unseen.

A mark stands for a value: short, the same for the same canonical value, and not to be damaged on the way through a form
(which rewrites the ends of lines). Editors get it with the value and send it back with theirs; see `editing.Edit.saw`.
"""

from __future__ import annotations

import hashlib

from django.db import connection
from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.fields import fields


def mark(value: str | None) -> str:
    """The mark of a canonical value, which is given as the text of its JSON; None is empty."""
    return hashlib.sha256((value or "").encode()).hexdigest()[:16]


def marks(record: str, record_id: int) -> dict[str, str]:
    """The mark of each field of a record as it is now; none where the record is gone."""
    known = fields(record)
    columns = sql.SQL(", ").join(
        sql.SQL("to_jsonb({})::text").format(canonical.local(each.type, sql.Identifier(each.name))) for each in known
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {} FROM {} WHERE id = %s").format(columns, sql.Identifier(record)), [record_id])
        row = cursor.fetchone()
    return {each.name: mark(value) for each, value in zip(known, row or (), strict=False)}
