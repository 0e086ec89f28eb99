"""The preview of an import: its records are found, and the first of them read and applied, in what is rolled back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import connection as database
from django.db import transaction
from psycopg import sql

from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held
from abmatic.salesforce import Client, errors
from abmatic.sync import clients
from abmatic.sync.importing import sources
from abmatic.sync.importing.reading import CHUNK, text
from abmatic.sync.importing.sources import NotImported, in_chunks
from abmatic.sync.models import CrmImport, ObjectSetting
from abmatic.sync.objects import OBJECTS
from abmatic.sync.preview.samples import NOBODY, Here
from abmatic.sync.pull import mirrored, offers
from abmatic.sync.pull import plan as planning
from abmatic.sync.pull.campaigns import member_rules
from abmatic.sync.pull.chunk import Counts, Target
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.reading import CONTENDED, FieldsMissing, open_writer, stage_by_ids

# So many are read for the preview.
LOOKED_AT = 2_000


def look(wanted: CrmImport) -> dict[str, Any]:
    """Finds the records, keeps their Ids, and answers what importing them would do. Raises `NotImported`."""
    spec = OBJECTS[wanted.sobject]
    try:
        with (
            sessions.session(f"preview {wanted.sobject}") as lock,
            held(lock, "pull", wanted.connection_id, wanted.sobject),
            clients.open_client(wanted.connection) as client,
        ):
            found = sources.found(client, wanted)
            here = _keep(wanted, found.ids)
            try:
                applied, refused = _applied(client, wanted, found.ids[:LOOKED_AT]), 0
            except (errors.InvalidField, FieldsMissing):
                # Described earlier, and taken away since: the import asks anew, too.
                applied, refused = _applied(client, wanted, found.ids[:LOOKED_AT], anew=True), 2
            return {
                **applied,
                "records": len(found.ids),
                "here": here,
                "looked_at": min(len(found.ids), LOOKED_AT),
                "notes": [*found.notes, *applied["notes"]],
                "calls_of_run": -(-len(found.ids) // CHUNK) + refused,
                "calls_made": client.calls,
            }
    except LockBusy:
        raise NotImported(f"A sync of {spec.label_plural} is running: look again when it is over.") from None
    except CONTENDED as error:
        raise NotImported("Somebody was changing the same records meanwhile: look again.") from error
    except FieldsMissing as error:
        raise NotImported(str(error)) from error
    except errors.SalesforceError as error:
        raise NotImported(str(error)) from error


def _keep(wanted: CrmImport, ids: tuple[str, ...]) -> int:
    """Keeps which records it is. How many of them are here already."""
    mirror = sql.Identifier(OBJECTS[wanted.sobject].mirror)
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("DELETE FROM crm_import_record WHERE wanted_id = %s", [wanted.pk])
        cursor.execute(
            "INSERT INTO crm_import_record (wanted_id, sf_id) SELECT %s, unnest(%s::text[])", [wanted.pk, list(ids)]
        )
        CrmImport.objects.filter(pk=wanted.pk).update(size=len(ids))
        here = sql.SQL(text("here")).format(mirror=mirror)
        cursor.execute(here, {"wanted": wanted.pk, "connection": wanted.connection_id})
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _applied(client: Client, wanted: CrmImport, ids: tuple[str, ...], *, anew: bool = False) -> dict[str, Any]:
    """What the pull's own statements make of the records."""
    spec = OBJECTS[wanted.sobject]
    setting = ObjectSetting.objects.get(connection=wanted.connection_id, sobject=spec.name)
    plan, notes = _plan(client, wanted, setting, anew=anew)
    target = Target(
        wanted.connection_id, NOBODY, NOBODY, client.server_time(), None, is_pushed=setting.is_pushed,
        members=member_rules(wanted.connection_id), user=wanted.connection.user_id,
    )  # fmt: skip
    total = Counts()
    with open_writer(plan, target) as (session, writer):
        try:
            statement = mirrored.spelling_out(setting, plan)
            if statement is not None:
                session.execute(statement)
            here = Here(session, spec)
            for some in in_chunks(ids, CHUNK):
                stage_by_ids(client, plan, writer, some)
                writer.type_rows()
                counts = writer.apply()
                total.add(counts)
                here.note_chunk(counts)
                writer.empty()
            samples = here.collected()
        finally:
            session.rollback()
    return {
        "counts": total.as_json(),
        "samples": {action: [asdict(each) for each in some] for action, some in samples.items()},
        "notes": notes,
    }


def _plan(client: Client, wanted: CrmImport, setting: ObjectSetting, *, anew: bool) -> tuple[PullPlan, list[str]]:
    spec = OBJECTS[wanted.sobject]
    offered = None if anew else offers.kept(setting, spec)
    if offered is None:
        offered = [f.name for f in client.describe(spec.name).fields.values() if f.in_bulk]
    plan, broken = planning.make(spec, setting, offered, offers.kinds(setting, spec))
    notes = [f"{each.mapping}: {each.reason}. The mapping is skipped." for each in broken]
    if not plan.create:
        notes.append(
            f"“Create in Abmatic” is off for {spec.label_plural}: those that are not here are not made here, and don’t "
            "come into the collection."
        )
    return plan, notes
