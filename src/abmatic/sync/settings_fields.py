"""Which of the fields that a settings file would map an org doesn't have: said before the file is applied.

Only mappings that are new are looked at; those here already say themselves when they are broken. What the last sync saw
of the org's fields is believed for a day, as it is there; else describe is asked, one call an object. Where it can't be
asked, that is said: a plan is never held up by an org out of reach.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from django.utils import timezone

from abmatic.identity import sealing
from abmatic.salesforce import Client, RetryPolicy, errors
from abmatic.sync import clients
from abmatic.sync.models import Connection, ObjectSetting
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull.offers import BELIEVED

# Somebody waits for the plan.
_ONCE = RetryPolicy(attempts=1)


def notes(connection: Connection, added: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A sentence for each object with fields that the org doesn't have, or of which it can't be known.

    ``added`` are the Salesforce fields of the new mappings, by object.
    """
    unsure = {sobject: fields for sobject, fields in added.items() if not _seen_lately(connection, sobject, fields)}
    if not unsure:
        return
    if connection.status == Connection.Status.INACTIVE:
        yield _unchecked(connection, unsure, "the connection is disabled")
        return
    try:
        with clients.open_client(connection, retry=_ONCE) as client:
            for sobject, fields in unsure.items():
                yield from _unknown(connection, sobject, fields, _offered(client, sobject))
    except (errors.SalesforceError, sealing.SealBroken) as error:
        yield _unchecked(connection, unsure, str(error))


def _seen_lately(connection: Connection, sobject: str, fields: Iterable[str]) -> bool:
    setting = ObjectSetting.objects.filter(connection=connection, sobject=sobject).first()
    seen = setting.offered.get(sobject) if setting else None
    if seen is None or abs(timezone.now() - datetime.fromisoformat(seen["at"])) > BELIEVED:
        return False
    return set(fields) <= set(seen["fields"])


def _offered(client: Client, sobject: str) -> list[str]:
    """The fields that can be mapped; none where the user may not see the object."""
    try:
        described = client.describe(sobject)
    except errors.InvalidType:
        return []
    return [field.name for field in described.fields.values() if field.in_bulk]


def _unknown(connection: Connection, sobject: str, fields: Iterable[str], offered: Sequence[str]) -> Iterator[str]:
    missing = [field for field in fields if field not in offered]
    if missing:
        told = ", ".join(f"{field}{_like(field, offered)}" for field in missing)
        yield (
            f"{connection}: {OBJECTS[sobject].label} has no field {told} that the connected user may read. "
            "Such a mapping is kept, shown as broken, and skipped"
        )


def _like(field: str, offered: Sequence[str]) -> str:
    by_case = {name.lower(): name for name in offered}
    [near] = difflib.get_close_matches(field.lower(), by_case, 1, 0.8) or [""]
    return f" (is {by_case[near]} meant?)" if near else ""


def _unchecked(connection: Connection, added: Mapping[str, Sequence[str]], reason: str) -> str:
    named = "; ".join(f"{OBJECTS[sobject].label}: {', '.join(fields)}" for sobject, fields in added.items())
    return (
        f"{connection}: whether the org has these fields could not be checked ({reason.rstrip('.')}): {named}. "
        "One that it lacks is shown as broken after the next sync"
    )
