"""What SYNC.md's own statement (tests.sync.plain_merge) makes of each record before a sync, and whether that came.

Only of records whose place doesn't change: each is linked to one local record that has no other link, and neither
deleted, restored, merged nor converted since the last sync.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection as database
from tests.soak.script import EDITED, Round, Script
from tests.sync.live import Live
from tests.sync.plain_merge import NOTHING, Outcome, Settings, Value, merge, same, value_of

from abmatic.sync.models import Issue

_LINKED = """
SELECT m.sf_id, m.local_id, m."values", m.base, l.*,
       (SELECT json_object_agg(c.field, c.at) FROM (
            SELECT field, max(at) AS at FROM change
             WHERE record = %s AND record_id = m.local_id GROUP BY field) AS c) AS changed
  FROM {mirror} AS m JOIN {local} AS l ON l.id = m.local_id
 WHERE m.role = 1 AND NOT m.is_deleted AND NOT EXISTS (
        SELECT FROM (SELECT sf_id, local_id FROM mirror_account UNION ALL SELECT sf_id, local_id FROM mirror_contact
                     UNION ALL SELECT sf_id, local_id FROM mirror_lead) AS other
         WHERE other.local_id = m.local_id AND other.sf_id <> m.sf_id
           AND left(other.sf_id, 3) = ANY (%s))
"""
_JSON = ("values", "base", "changed")
_OF = {
    "Account": ("mirror_account", "account", ["001"]),
    "Contact": ("mirror_contact", "contact", ["003", "00Q"]),
    "Lead": ("mirror_lead", "contact", ["003", "00Q"]),
}


@dataclass(frozen=True)
class Wanted:
    """One field of one record before a sync, and what is to become of it."""

    sobject: str
    sf_id: str
    local_id: int
    field: str
    local: str
    theirs: Value
    ours: Value
    after: Outcome
    said: str


def foresee(live: Live, script: Script, made: Round, original: frozenset[str]) -> list[Wanted]:
    """What the next sync is to do, for every field that the script edits."""
    found = []
    for sobject, fields in EDITED.items():
        mirror, local, prefixes = _OF[sobject]
        with database.cursor() as cursor:
            cursor.execute(_LINKED.format(mirror=mirror, local=local), [local, prefixes])
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        theirs = _theirs(live, sobject, list(fields))
        for row in rows:
            if row["sf_id"] in theirs and row["sf_id"] in original and row["sf_id"] not in made.moved:
                for name, (ours, _) in fields.items():
                    found.append(_foreseen(script, sobject, name, ours, row, theirs[row["sf_id"]]))
    return found


def _theirs(live: Live, sobject: str, fields: list[str]) -> dict[str, dict[str, Any]]:
    columns = ["Id", "SystemModstamp", *fields]
    listed = ", ".join(f'"{name}"' for name in columns)
    rows = live.rows(f'SELECT {listed} FROM "{sobject}" WHERE "IsDeleted" = 0')
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def _foreseen(
    script: Script, sobject: str, name: str, ours: str, row: dict[str, Any], theirs: dict[str, Any]
) -> Wanted:
    kind = "integer" if name == "NumberOfEmployees" else "text"
    stored = {key: json.loads(row[key]) if isinstance(row[key], str) else row[key] for key in _JSON}
    s, a = value_of(kind, theirs[name]), value_of(kind, row[ours])
    agreed = stored["values"] if stored["base"] is None else stored["base"]
    b = value_of(kind, agreed.get(name)) if stored["base"] is None or name in agreed else NOTHING
    to_abmatic, to_salesforce = script.modes[sobject, name]
    changed = (stored["changed"] or {}).get(ours)
    is_later = changed is not None and datetime.fromisoformat(changed) > _moment(theirs["SystemModstamp"])
    how = Settings(to_abmatic, to_salesforce, policy=script.policy)
    return Wanted(
        sobject, row["sf_id"], row["local_id"], name, ours, s, a, merge(s, a, b, how, abmatic_is_later=is_later),
        f"{sobject} {row['sf_id']} {name}: S={s!r} A={a!r} B={b!r} {to_abmatic}/{to_salesforce} {script.policy} "
        f"later={is_later}",
    )  # fmt: skip


def _moment(stamp: Any) -> datetime:
    return datetime.fromisoformat(str(stamp).replace("+0000", "+00:00"))


def misses(live: Live, wanted: list[Wanted]) -> list[str]:
    """What came otherwise. What Salesforce refuses stays as it was there, with an open issue."""
    refused = set(Issue.objects.filter(is_open=True).values_list("sobject", "local_id"))
    found = []
    for sobject, fields in EDITED.items():
        theirs = _theirs(live, sobject, list(fields))
        mine = [each for each in wanted if each.sobject == sobject]
        for each in mine:
            kind = "integer" if each.field == "NumberOfEmployees" else "text"
            now = value_of(kind, theirs[each.sf_id][each.field])
            here = value_of(kind, _ours(each))
            is_held = (sobject, each.local_id) in refused
            if not same(now, each.after.salesforce) and not (is_held and same(now, each.theirs)):
                found.append(f"{each.said}: Salesforce has {now!r} and not {each.after.salesforce!r}")
            if not same(here, each.after.abmatic):
                found.append(f"{each.said}: Abmatic has {here!r} and not {each.after.abmatic!r}")
    return found


def _ours(each: Wanted) -> Any:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {each.local} FROM {_OF[each.sobject][1]} WHERE id = %s", [each.local_id])
        return cursor.fetchone()[0]
