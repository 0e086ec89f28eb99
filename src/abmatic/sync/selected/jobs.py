"""The preview of a selected push, made by a worker in the connection's turn. One whose worker died is made again."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, LiteralString

from django.db import OperationalError, close_old_connections, connection, transaction
from procrastinate.contrib.django import app
from psycopg import sql

from abmatic.audiences.refusals import ConditionRefused
from abmatic.audiences.selection import Selection
from abmatic.postgres.locks import waited_for_until_the_end
from abmatic.postgres.retrying import LostDatabase
from abmatic.postgres.sql import block
from abmatic.sync.models import SelectedPush
from abmatic.sync.preview import NotPreviewed, preview
from abmatic.sync.preview.found import SelectedPreview
from abmatic.sync.pull.plan import ObjectUnreadable
from abmatic.sync.selected.rules import NotPushed, objects_of, picked, require_pushable

KEPT = timedelta(days=1)
_ATTEMPTS = 3
_LOOKING = (SelectedPush.State.QUEUED, SelectedPush.State.RUNNING)


class _Stopped(Exception):
    """Something else was chosen, or somebody gave it up."""


def queue(push: SelectedPush) -> None:
    """The job of its preview; it commits with the push."""
    look.configure(lock=f"connection-{push.connection_id}").defer(push_id=push.pk, revision=push.revision)


def execute(push_id: int, revision: int) -> None:
    """Makes the preview, or does nothing where another is wanted. Raises OperationalError when the database is lost."""
    push = SelectedPush.objects.select_related("connection").filter(pk=push_id, revision=revision).first()
    if push is None or not _note(push, state=SelectedPush.State.RUNNING):
        return
    try:
        _look_up(push)
        found = _previewed(push)
    except _Stopped:
        return
    except (NotPushed, NotPreviewed, ObjectUnreadable, ConditionRefused) as error:
        _note(push, state=SelectedPush.State.FAILED, problem=str(error))
        return
    _note(push, state=SelectedPush.State.READY, found=found)


def _look_up(push: SelectedPush) -> None:
    """Which records it is, once: what is pushed later is what is looked at now."""
    if push.size is not None:
        return
    chosen = Selection.from_json(push.selection)
    with transaction.atomic(), connection.cursor() as cursor:
        # One of another connection may be at it, whose preview nobody wants any more.
        waited_for_until_the_end("selected", push.pk)
        push.size = SelectedPush.objects.values_list("size", flat=True).get(pk=push.pk)
        if push.size is not None:
            return
        cursor.execute("DELETE FROM selected_record WHERE push_id = %s", [push.pk])
        cursor.execute(
            sql.SQL("INSERT INTO selected_record (push_id, local_id) SELECT {}, r.id {}").format(
                sql.Literal(push.pk), chosen.source()
            )
        )
        push.size = cursor.rowcount
        SelectedPush.objects.filter(pk=push.pk).update(size=push.size)


def _previewed(push: SelectedPush) -> dict[str, Any]:
    """The previews of its objects, and what they come to together."""
    names = objects_of(push)
    require_pushable(push.connection, names)
    previews = []
    for name in names:
        found = preview(push.connection, name, whole=True, progress=lambda _: _go_on(push), picked=picked(push))
        assert isinstance(found, SelectedPreview)
        previews.append(found)
    if len(previews) > 1:
        # Before the first run makes people, it looks for them as what the second one makes.
        previews[0].calls_of_run += bool((previews[0].to_salesforce or {}).get("created"))
    together: Counter[str] = Counter()
    for found in previews:
        together.update(found.verdicts)
    return {
        "objects": [found.as_json() for found in previews],
        "verdicts": dict(together),
        "writes": together["created"] + together["updated"],
        "calls_of_run": sum(found.calls_of_run for found in previews),
        "calls_made": sum(found.calls_made for found in previews),
    }


def _go_on(push: SelectedPush) -> None:
    if not _note(push, state=SelectedPush.State.RUNNING):
        raise _Stopped


def _note(push: SelectedPush, **changes: object) -> bool:
    """False when another preview is wanted, or none any more."""
    wanted = SelectedPush.objects.filter(pk=push.pk, revision=push.revision, state__in=_LOOKING)
    return bool(wanted.update(**changes))


def forget_old(now: datetime) -> None:
    """Removes pushes that were never carried out, and of the others which records they were, after a day."""
    with connection.cursor() as cursor:
        for name in ("forget_records", "forget_pushes"):
            cursor.execute(_text(name), {"before": now - KEPT})


@app.task(name="sync.selected_push", queue="sync", retry=LostDatabase(_ATTEMPTS))
def look(push_id: int, revision: int) -> None:
    """Makes one preview."""
    close_old_connections()
    try:
        execute(push_id, revision)
    except Exception as error:
        if not isinstance(error, OperationalError):
            SelectedPush.objects.filter(pk=push_id, revision=revision, state__in=_LOOKING).update(
                state=SelectedPush.State.FAILED,
                problem=f"This is a fault of Abmatic: {type(error).__name__}. Please report it with the worker's log.",
            )
        raise


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/selected.sql", name)
