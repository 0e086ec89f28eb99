"""Which local records the next push looks at.

Those that somebody changed since the last look (the change log tells), those that a pull found to differ (the pull says
so itself, in the chunk's transaction), those that a person wants tried once more, and all of them when what may be
written was changed in the settings, or the database was restored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from abmatic.audiences.fields import fields
from abmatic.postgres.sql import block
from abmatic.postgres.transactions import over_below
from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.objects import SObject
from abmatic.sync.push import waiting
from abmatic.sync.push.plan import allowed

Session = psycopg.Connection[tuple[Any, ...]]


def progress(setting: ObjectSetting, spec: SObject) -> dict[str, Any]:
    """How far the push of an object has come; of one that rides along, as its setting keeps it."""
    compared: dict[str, Any] = setting.compared
    if spec.rides_with is not None:
        compared = compared.get("riders", {}).get(spec.name, {})
    return compared


def collect(session: Session, spec: SObject, setting: ObjectSetting) -> None:
    """Adds to ``push_due`` what is due since the last time. The caller commits."""
    upto = over_below(lambda statement: session.execute(statement).fetchone() or ())
    said = allowed(setting)
    parameters = {"connection": setting.connection_id, "sobject": spec.name, "record": spec.local, "upto": upto}
    before = progress(setting, spec)
    # A log that ends before the place where it was left belongs to a database that was restored.
    if before.get("settings") != said or before["seen"] > upto:
        everything = sql.SQL(block("abmatic.sync", "sql/push.sql", "all_due"))
        session.execute(everything.format(local=sql.Identifier(spec.local)), parameters)
    else:
        since = {**parameters, "seen": before["seen"], "unheeded": unheeded(spec, setting)}
        session.execute(block("abmatic.sync", "sql/push.sql", "changed_due"), since)
    session.execute(block("abmatic.sync", "sql/push.sql", "retried_due"), parameters)
    waiting.forget_leads(session, spec, setting.connection_id)
    now = {"settings": said, "seen": upto}
    if spec.rides_with is None:
        setting.compared = {**setting.compared, **now}
    else:
        setting.compared = {
            **setting.compared, "riders": {**setting.compared.get("riders", {}), spec.name: now}
        }  # fmt: skip
    session.execute("UPDATE object_setting SET compared = %s WHERE id = %s", (Jsonb(setting.compared), setting.pk))


def unheeded(spec: SObject, setting: ObjectSetting) -> list[str]:
    """Fields whose changes make no record due: those that are worked out here, and that nothing of the push asks for.

    Scores move by the minute: each would have Salesforce asked, and nothing written.
    """
    computed = {each.name for each in fields(spec.local) if each.is_computed}
    if not computed:
        return []
    written = setting.mappings.exclude(to_salesforce=Mode.NONE).filter(local_field__in=computed)
    asked_for = set(written.values_list("local_field", flat=True)) | set(_names(setting.push_filter))
    return sorted(computed - asked_for)


def _names(condition: object) -> Iterator[str]:
    """The fields that a condition asks about."""
    if isinstance(condition, Mapping):
        named = condition.get("field")
        if isinstance(named, str):
            yield named
        condition = list(condition.values())
    if isinstance(condition, list):
        for inner in condition:
            yield from _names(inner)


def note_denied(spec: SObject, setting: ObjectSetting, denied: Sequence[str]) -> None:
    """Keeps what the connected user may not do. With that everything is due: once more when it may."""
    before: dict[str, list[str]] = setting.compared.get("denied", {})
    if before.get(spec.name, []) == list(denied):
        return
    now = {name: kept for name, kept in {**before, spec.name: list(denied)}.items() if kept}
    setting.compared = {**setting.compared, "denied": now}
    ObjectSetting.objects.filter(pk=setting.pk).update(compared=setting.compared)


def denied(spec: SObject, setting: ObjectSetting) -> list[str]:
    """What the connected user might not do when it was last asked for: "create", "update"."""
    denied: list[str] = setting.compared.get("denied", {}).get(spec.name, [])
    return denied


def are_any(session: Session, spec: SObject, setting: ObjectSetting) -> bool:
    """Whether anything is due that can be compared now."""
    found = session.execute(any_ready(spec, setting), {"connection": setting.connection_id, "sobject": spec.name})
    return found.rowcount > 0


def any_ready(spec: SObject, setting: ObjectSetting) -> sql.Composed:
    """A row where anything is due that can be compared now. Parameters: connection, sobject."""
    return sql.SQL(
        "SELECT 1 FROM push_due AS d WHERE d.connection_id = %(connection)s AND d.sobject = %(sobject)s AND {} LIMIT 1"
    ).format(ready(spec, setting))


def ready(spec: SObject, setting: ObjectSetting) -> sql.Composed:
    """Which rows ``d`` of ``push_due`` can be compared now. Parameters: connection.

    A campaign member can be made where its campaign is in Salesforce, and its person, and deals and contacts where
    their account is (see `waiting`); until then they stay due.
    """
    return ready_of(spec, setting, sql.Placeholder("connection"))


def ready_of(spec: SObject, setting: ObjectSetting, connection: sql.Composable) -> sql.Composed:
    """`ready`, of the connection with that number."""
    if spec.name == "CampaignMember":
        return sql.SQL(_MEMBER_IS_READY).format(connection=connection)
    return waiting.is_ready(spec, setting, connection)


_MEMBER_IS_READY: LiteralString = """(
    EXISTS (SELECT FROM mirror_campaign_member AS k
             WHERE k.local_id = d.local_id AND k.connection_id + 0 = {connection})
    OR EXISTS (
        SELECT FROM campaign_member AS t
          JOIN mirror_campaign AS c ON c.local_id = t.campaign_id AND c.connection_id + 0 = {connection}
           AND c.role = 1 AND NOT c.is_deleted
         WHERE t.id = d.local_id AND NOT t.is_removed AND (
               EXISTS (SELECT FROM mirror_contact AS p WHERE p.local_id = t.contact_id
                          AND p.connection_id + 0 = {connection} AND p.role = 1 AND NOT p.is_deleted)
               OR EXISTS (SELECT FROM mirror_lead AS p WHERE p.local_id = t.contact_id
                             AND p.connection_id + 0 = {connection} AND p.role = 1 AND NOT p.is_deleted
                             AND NOT p.is_converted))))"""
