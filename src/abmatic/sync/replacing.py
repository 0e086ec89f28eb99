"""One org takes another's place: a sandbox that was refreshed has the same name, a new org id, and other records.

Nothing of the old org is ever linked with the new one: an Id of one is no Id of the other, or somebody else's. So the
new org is connected as what it is, a connection of its own, and gets the settings of the old one; its first import
finds accounts and people by their keys. The old connection is disabled and kept, and its links are marked as deleted:
the local records stay, and say so. Writing to Salesforce is off until somebody allows it again: what the new org lacks
would be created there.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.utils import timezone
from psycopg import sql

from abmatic.identity import audit
from abmatic.sync.connect import disable
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting, Run
from abmatic.sync.objects import OBJECTS, configurable
from abmatic.sync.settings_history import COMMAND_LINE, Author, Difference, note

# What is set for an object, without what has to be allowed anew.
_KEPT = ("create_in_abmatic", "update_in_abmatic", "frequency", "full_compare", "policy", "push_filter", "new_people")
_KEPT_OF_MAPPING = (
    "sf_field", "local_field", "to_abmatic", "to_salesforce", "clear_with_empty", "is_key", "position",
)  # fmt: skip


class NotReplaced(Exception):
    """Why one connection can't take the other's place, and what helps."""


def require_replaceable(old: Connection, new: Connection) -> None:
    """Raises `NotReplaced`."""
    if old.pk == new.pk or (old.org_id and old.org_id[:15] == new.org_id[:15]):
        raise NotReplaced(
            f"“{old.name}” and “{new.name}” are the same org. Reconnect it (`abmatic connect`): all is kept then."
        )
    if new.status != Connection.Status.ACTIVE:
        raise NotReplaced(f"“{new.name}” is {new.get_status_display().lower()}: connect it first (`abmatic connect`).")
    under_way = Run.objects.filter(connection__in=[old, new], state__in=[Run.State.QUEUED, Run.State.RUNNING])
    if (run := under_way.first()) is not None:
        raise NotReplaced(f"Run {run.pk} of “{run.connection.name}” isn't over: wait for its end, or cancel it.")


def replace(old: Connection, new: Connection, by: Author = COMMAND_LINE) -> None:
    """The new connection gets the old one's name and settings; the old one is disabled. Raises `NotReplaced`."""
    leaving = _replace(old, new, by)
    disable(leaving, by=audit.Author(user=by.user, name=by.name))
    old.refresh_from_db()
    new.refresh_from_db()


def _replace(seen_old: Connection, seen_new: Connection, by: Author) -> Connection:
    """All of it that is one transaction; answers the old one as it is now."""
    with transaction.atomic():
        now = Connection.objects.select_for_update().order_by("pk").in_bulk([seen_old.pk, seen_new.pk])
        old, new = (_as_seen(now.get(seen.pk), seen) for seen in (seen_old, seen_new))
        require_replaceable(old, new)
        for spec in configurable():
            _move_settings(old, new, spec.name)
        _mark_links(old)
        name = old.name
        old.name = _free(f"{name} (until {timezone.now():%Y-%m-%d})")
        new.name, new.api_ceiling, new.quiet_hours = name, old.api_ceiling, old.quiet_hours
        try:
            old.save(update_fields=["name", "updated_at"])
            new.save(update_fields=["name", "api_ceiling", "quiet_hours", "updated_at"])
        except IntegrityError as taken:
            raise NotReplaced(
                f"Another connection took the name “{old.name}” meanwhile. Nothing was changed: try again."
            ) from taken
        note(new, "", [Difference("changed", "takes the place of", None, f"{old.name} ({old.org_id})")], by)
    return old


def _as_seen(now: Connection | None, seen: Connection) -> Connection:
    """The connection as it is. Raises `NotReplaced` where that isn't what somebody saw who decided."""
    if now is None:
        raise NotReplaced(f"“{seen.name}” is not there any more.")
    if now.name != seen.name:
        raise NotReplaced(f"“{seen.name}” is called “{now.name}” by now. Nothing was changed: look again.")
    if now.status != seen.status and now.status == Connection.Status.INACTIVE:
        raise NotReplaced(f"“{seen.name}” was disabled meanwhile. Nothing was changed: look again.")
    return now


def _mark_links(old: Connection) -> None:
    """The records of the old org are gone, as far as anybody here can tell. Users are not deleted, but deactivated.

    In the one transaction, though that is long where there are millions: in parts it would need a job that goes on
    after a kill, and half a replaced org between. Nothing syncs with either org meanwhile, which is required.
    """
    with database.cursor() as cursor:
        for spec in OBJECTS.values():
            if spec.name != "User":
                cursor.execute(
                    sql.SQL("UPDATE {} SET is_deleted = true WHERE connection_id = {} AND NOT is_deleted").format(
                        sql.Identifier(spec.mirror), sql.Literal(old.pk)
                    )
                )


def _move_settings(old: Connection, new: Connection, sobject: str) -> None:
    source = ObjectSetting.objects.filter(connection=old, sobject=sobject).first()
    if source is None:
        return
    target, _ = ObjectSetting.objects.get_or_create(connection=new, sobject=sobject)
    for column in _KEPT:
        setattr(target, column, getattr(source, column))
    target.create_in_salesforce = target.update_in_salesforce = target.auto_push = False
    target.save()
    target.mappings.all().delete()
    FieldMapping.objects.bulk_create(
        FieldMapping(setting=target, **{column: getattr(mapping, column) for column in _KEPT_OF_MAPPING})
        for mapping in source.mappings.all()
    )


def _free(wanted: str) -> str:
    name, n = wanted, 1
    while Connection.objects.filter(name=name).exists():
        n += 1
        name = f"{wanted} ({n})"
    return name
