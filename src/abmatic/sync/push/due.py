"""Which local records the next push looks at.

Those that somebody changed since the last look (the change log tells), those that a pull found to differ (the pull says
so itself, in the chunk's transaction), those that a person wants tried once more, and all of them when what may be
written was changed in the settings.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from abmatic.postgres.sql import block
from abmatic.postgres.transactions import over_below
from abmatic.sync.models import ObjectSetting
from abmatic.sync.objects import SObject
from abmatic.sync.push.plan import allowed

Session = psycopg.Connection[tuple[Any, ...]]


def collect(session: Session, spec: SObject, setting: ObjectSetting) -> None:
    """Adds to ``push_due`` what is due since the last time. The caller commits."""
    upto = over_below(lambda statement: session.execute(statement).fetchone() or ())
    said = allowed(setting)
    parameters = {"connection": setting.connection_id, "sobject": spec.name, "record": spec.local, "upto": upto}
    if setting.compared.get("settings") != said:
        everything = sql.SQL(block("abmatic.sync", "sql/push.sql", "all_due"))
        session.execute(everything.format(local=sql.Identifier(spec.local)), parameters)
    else:
        session.execute(
            block("abmatic.sync", "sql/push.sql", "changed_due"), {**parameters, "seen": setting.compared["seen"]}
        )
    session.execute(block("abmatic.sync", "sql/push.sql", "retried_due"), parameters)
    setting.compared = {"settings": said, "seen": upto}
    session.execute("UPDATE object_setting SET compared = %s WHERE id = %s", (Jsonb(setting.compared), setting.pk))


def are_any(session: Session, spec: SObject, setting: ObjectSetting) -> bool:
    """Whether anything is due."""
    found = session.execute(
        "SELECT FROM push_due WHERE connection_id = %s AND sobject = %s LIMIT 1", (setting.connection_id, spec.name)
    )
    return found.rowcount > 0
