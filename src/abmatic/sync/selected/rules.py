"""Which objects a selected push is of, and whether anything of them may be written."""

from __future__ import annotations

from collections.abc import Sequence

from abmatic.sync.models import Connection, ObjectSetting, SelectedPush
from abmatic.sync.objects import OBJECTS
from abmatic.sync.push.plan import Picked

NewPeople = ObjectSetting.NewPeople

_OBJECTS = {"account": ("Account",), "opportunity": ("Opportunity",)}


class NotPushed(Exception):
    """Why nothing is pushed, and what helps."""


def objects_of(push: SelectedPush) -> tuple[str, ...]:
    """The objects that its records are or become, in the order of their runs."""
    if push.record != "contact":
        return _OBJECTS[push.record]
    leads = ObjectSetting.objects.filter(connection=push.connection_id, sobject="Lead").first()
    rule = push.new_people or (leads.new_people if leads else NewPeople.ACCOUNT)
    makes_leads = rule != NewPeople.CONTACT and (rule == NewPeople.LEAD or leads is None or leads.create_in_salesforce)
    # The one that creates comes last, when both sides have been read; where both may, see push.newcomers.
    return ("Contact", "Lead") if makes_leads else ("Lead", "Contact")


def picked(push: SelectedPush) -> Picked:
    """What its runs and previews are limited to."""
    return Picked(push.pk, push.new_people, push.past_filter, tuple(push.insists))


def require_pushable(connection: Connection, names: Sequence[str]) -> None:
    """Raises `NotPushed` where nothing of the objects may be written, or one was never read."""
    found = {each.sobject: each for each in ObjectSetting.objects.filter(connection=connection, sobject__in=names)}
    labels = [OBJECTS[name].label_plural for name in names]
    if not any(setting.is_pushed for setting in found.values()):
        raise NotPushed(
            f"“Create in Salesforce” and “Update in Salesforce” are off for {' and '.join(labels)}, so nothing of them "
            "is written. An administrator can switch them on in the settings."
        )
    unread = [OBJECTS[name].label_plural for name in names if name not in found or found[name].cursor is None]
    if unread:
        raise NotPushed(
            f"{' and '.join(unread)} were never read from {connection}, so nobody knows which of these records it has "
            f"already. Sync {' and '.join(unread)} first."
        )
