"""Asking for a push of chosen records, choosing how, giving it up, and starting it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.query import QuerySet
from django.utils import timezone

from abmatic.audiences.conditions import check
from abmatic.audiences.fields import fields
from abmatic.audiences.selection import Selection
from abmatic.identity.models import User
from abmatic.sync import runs
from abmatic.sync.models import Connection, ObjectSetting, Run, SelectedPush
from abmatic.sync.selected import jobs
from abmatic.sync.selected.rules import NotPushed, objects_of, require_pushable

# Time enough to start it, or preview it once more.
_BEFORE_FORGOTTEN = timedelta(minutes=10)
NewPeople = ObjectSetting.NewPeople


def connections() -> QuerySet[Connection]:
    """The orgs that a selection can be pushed to, the oldest connection first."""
    return Connection.objects.filter(status=Connection.Status.ACTIVE).order_by("created_at", "pk")


def ask(
    selection: Selection, connection: Connection, *, new_people: str = "", past_filter: bool = False,
    user: User | None = None, at_once: bool = False, insists: Sequence[str] = (),
) -> SelectedPush:  # fmt: skip
    """Asks for a push of a selection, to be previewed by a worker; ``at_once``: by this process. Raises `NotPushed`.

    ``insists``: local fields of which ours is written even where an undo left the two sides different, as far as their
    modes write at all.
    """
    if selection.record not in SelectedPush.Record.values:
        raise NotPushed(f"Records of the kind {selection.record} can’t be pushed one by one.")
    if why := check(selection.record, selection.condition, beyond=True):
        raise NotPushed(f"The condition can’t be used: {why}.")
    _require_choice(selection.record, connection, new_people)
    if unknown := sorted({*insists} - {each.name for each in fields(selection.record)}):
        raise NotPushed(f"Records of this kind have no field {', '.join(unknown)}.")
    with transaction.atomic():
        push = SelectedPush.objects.create(
            connection=connection, record=selection.record, selection=selection.as_json(), new_people=new_people,
            past_filter=past_filter, asked_by=user, insists=list(insists),
        )  # fmt: skip
        if not at_once:
            jobs.queue(push)
    if at_once:
        jobs.execute(push.pk, push.revision)
        push.refresh_from_db()
    return push


def choose(push: SelectedPush, connection: Connection, *, new_people: str, past_filter: bool) -> None:
    """Has it previewed anew, as chosen. Raises `NotPushed`."""
    _require_choice(push.record, connection, new_people)
    _require_recent(push)
    with transaction.atomic():
        changed = SelectedPush.objects.filter(pk=push.pk).exclude(state=SelectedPush.State.STARTED).update(
            connection=connection, new_people=new_people, past_filter=past_filter, state=SelectedPush.State.QUEUED,
            revision=F("revision") + 1, found=None, problem="",
        )  # fmt: skip
        if not changed:
            raise NotPushed("This push was started already. Select the records again for another one.")
        push.refresh_from_db()
        jobs.queue(push)


def give_up(push: SelectedPush) -> None:
    """Stops its preview, or the runs of one that was started: what was written to Salesforce by then stays there."""
    SelectedPush.objects.filter(pk=push.pk, state__in=[SelectedPush.State.QUEUED, SelectedPush.State.RUNNING]).update(
        state=SelectedPush.State.CANCELLED
    )
    # The last one first: it waits for those before it.
    for run in push.runs.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]).order_by("-pk"):
        runs.cancel(run)


def begin(push: SelectedPush, *, trigger: str = Run.Trigger.MANUAL, user: User | None = None) -> list[Run]:
    """Starts the runs of a push that was previewed.

    Raises `NotPushed`, `runs.ConnectionNotReady`, or `runs.AlreadyRunning`.
    """
    with transaction.atomic():
        push = SelectedPush.objects.select_for_update(of=("self",)).select_related("connection").get(pk=push.pk)
        if push.state == SelectedPush.State.STARTED:
            raise NotPushed("This push was started already.")
        _require_recent(push)
        if push.state != SelectedPush.State.READY or push.found is None:
            raise NotPushed("A push is previewed before it is started: wait for the preview.")
        if not push.found["writes"]:
            raise NotPushed("There is nothing to write: the preview says why.")
        names = objects_of(push)
        require_pushable(push.connection, names)
        started = runs.start_selected(push, names, trigger=trigger, user=user)
        SelectedPush.objects.filter(pk=push.pk).update(state=SelectedPush.State.STARTED)
    return started


def _require_recent(push: SelectedPush) -> None:
    """Which records it is may be forgotten the moment after; a run that is under way keeps them."""
    if push.created_at < timezone.now() - jobs.KEPT + _BEFORE_FORGOTTEN:
        raise NotPushed("This push was asked for a day ago. Select the records again, to see what it would do now.")


def _require_choice(record: str, connection: Connection, new_people: str) -> None:
    if connection.status != Connection.Status.ACTIVE:
        raise NotPushed(
            f"The connection to {connection} is {connection.get_status_display().lower()}. "
            f"{'Reconnect it' if connection.wants_reconnect else 'Check it again'} under Settings, Integrations."
        )
    if new_people not in ("", NewPeople.LEAD, NewPeople.CONTACT) or (new_people and record != "contact"):
        raise NotPushed("Only contacts are pushed as Lead or as Contact.")
