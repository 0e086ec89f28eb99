"""Asking for an import from the CRM, giving it up, and starting it."""

from __future__ import annotations

from django.db import transaction

from abmatic.audiences import collections
from abmatic.audiences.models import Collection
from abmatic.identity.models import User
from abmatic.sync import runs
from abmatic.sync.importing import jobs, sources
from abmatic.sync.importing.sources import OBJECTS_OF, NotImported
from abmatic.sync.models import Connection, CrmImport, Run
from abmatic.sync.objects import OBJECTS

_LONGEST_NAME = 120


def ask(
    connection: Connection, sobject: str, kind: str, source: str, *, name: str = "", user: User | None = None,
    at_once: bool = False,
) -> CrmImport:  # fmt: skip
    """Asks for an import, to be previewed by a worker; ``at_once``: by this process. Raises `NotImported`."""
    if not any(sobject in names for names in OBJECTS_OF.values()):
        known = ", ".join(name for names in OBJECTS_OF.values() for name in names)
        raise NotImported(f"{sobject} can’t be imported by itself; these can be: {known}. A sync reads the others.")
    if connection.status != Connection.Status.ACTIVE:
        raise NotImported(
            f"The connection to {connection} is {connection.get_status_display().lower()}. "
            f"{'Reconnect it' if connection.wants_reconnect else 'Check it again'} under Settings, Integrations."
        )
    if kind not in CrmImport.Kind.values:
        raise NotImported("Choose a list view or a report, or write a query.")
    source = sources.checked_soql(sobject, source) if kind == CrmImport.Kind.SOQL else sources.require_id(source)
    if "\0" in name:
        raise NotImported("The name holds a NUL character, which no text can hold. Give it another name.")
    name = " ".join(name.split())[:_LONGEST_NAME] or f"{OBJECTS[sobject].label_plural} by SOQL"
    with transaction.atomic():
        wanted = CrmImport.objects.create(
            connection=connection, sobject=sobject, kind=kind, source=source, name=name, asked_by=user
        )
        if not at_once:
            jobs.queue(wanted)
    if at_once:
        jobs.execute(wanted.pk)
        wanted.refresh_from_db()
    return wanted


def give_up(wanted: CrmImport) -> None:
    """Stops its preview, or the run of one that was started: what came in by then stays."""
    looking = [CrmImport.State.QUEUED, CrmImport.State.RUNNING]
    CrmImport.objects.filter(pk=wanted.pk, state__in=looking).update(state=CrmImport.State.CANCELLED)
    for run in wanted.runs.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]):
        runs.cancel(run)


def begin(
    wanted: CrmImport, *, name: str = "", into: Collection | None = None, trigger: str = Run.Trigger.MANUAL,
    user: User | None = None,
) -> Run:  # fmt: skip
    """Starts an import that was previewed, into a new static collection or one that is there.

    Raises `NotImported`, `CollectionRefused`, `runs.ConnectionNotReady`, or `runs.AlreadyRunning`.
    """
    record = OBJECTS[wanted.sobject].local
    with transaction.atomic():
        wanted = CrmImport.objects.select_for_update(of=("self",)).select_related("connection").get(pk=wanted.pk)
        if wanted.state == CrmImport.State.STARTED:
            raise NotImported("This import was started already.")
        if wanted.state != CrmImport.State.READY:
            raise NotImported("An import is previewed before it is started: wait for the preview.")
        if not wanted.size:
            raise NotImported("It finds no records, so there is nothing to import.")
        if into is not None and (into.record != record or into.kind == Collection.Kind.DYNAMIC):
            raise NotImported(f"“{into}” takes no imported {OBJECTS[wanted.sobject].label_plural.lower()}.")
        wanted.collection = into or collections.create(record, name or wanted.name)
        wanted.state = CrmImport.State.STARTED
        wanted.save(update_fields=["collection", "state"])
        return runs.start_import(wanted, trigger=trigger, user=user)
