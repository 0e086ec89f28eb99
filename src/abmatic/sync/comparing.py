"""When an object is compared as a whole by itself, beside the syncs that read what has changed.

A formula, a roll-up or a converted amount changes without moving SystemModstamp, and a record that was deleted for good
leaves nothing that a query could find. Both are found by reading every record. So it is done once a week where a
calculated field is mapped, else once a month, while people sleep: in the connection's quiet hours, by its time zone. It
takes the place of the object's next sync, and keeps to the same budget.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from abmatic.sync.models import Connection, FieldMapping, ObjectSetting, Run

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
# How long deleted records lie in Salesforce's recycle bin. A window that begins before that misses deletions.
RECYCLE_BIN = timedelta(days=15)
_ONE_NIGHT = timedelta(hours=16)
_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})", re.ASCII)


def interval(setting: ObjectSetting) -> timedelta | None:
    """How often every record is read by itself; None: never. Nothing of an object that is synchronised by hand."""
    return interval_of(setting, setting.full_compare) if setting.frequency else None


def interval_of(setting: ObjectSetting, choice: str) -> timedelta | None:
    """How often that would be with this ``full_compare``, where the object is synchronised by itself."""
    if choice == ObjectSetting.FullCompare.OFF:
        return None
    if choice == ObjectSetting.FullCompare.AUTO:
        return WEEK if maps_calculated(setting) else MONTH
    return WEEK if choice == ObjectSetting.FullCompare.WEEKLY else MONTH


def maps_calculated(setting: ObjectSetting) -> bool:
    """Whether a field is mapped that Salesforce calculates, as far as its describe was read."""
    calculated = setting.offered.get(setting.sobject, {}).get("calculated", [])
    mapped = FieldMapping.objects.filter(setting=setting, sf_field__in=calculated)
    return bool(calculated) and mapped.exclude(to_abmatic="none", to_salesforce="none").exists()


def is_due(setting: ObjectSetting, now: datetime) -> bool:
    """Whether every record is to be read now: long enough after the last time, and in the quiet hours."""
    every = interval(setting)
    if every is None or setting.cursor is None:
        return False
    last = setting.last_full_at
    is_time = (last is None or now >= last + every) and is_quiet(setting.connection, now)
    return is_time and not _was_tried_lately(setting, now)


def _was_tried_lately(setting: ObjectSetting, now: datetime) -> bool:
    """One that failed is tried again the next night, not the next minute."""
    found = Run.objects.filter(connection=setting.connection_id, sobject=setting.sobject, is_full=True)
    return found.filter(queued_at__gte=now - _ONE_NIGHT).exists()


def is_quiet(connection: Connection, now: datetime) -> bool:
    """Whether it is one of the connection's quiet hours; any hour is, where none are set."""
    hours = quiet_hours(connection.quiet_hours)
    if hours is None:
        return True
    first, last = hours
    hour = now.astimezone(zone_of(connection)).hour
    return first <= hour < last if first < last else hour >= first or hour < last


def quiet_hours(text: str) -> tuple[int, int] | None:
    """ "22-6" as (22, 6); None where the text is no such hours: "any", or nothing."""
    found = _HOURS.fullmatch(text)
    if found is None:
        return None
    first, last = int(found[1]), int(found[2])
    return (first, last % 24) if first < 24 and last <= 24 and first != last % 24 else None


def zone_of(connection: Connection) -> ZoneInfo:
    """The connection's time zone; UTC where none is known."""
    return known_zone(connection.time_zone) or ZoneInfo("UTC")


def known_zone(name: str) -> ZoneInfo | None:
    """The time zone of a name such as Europe/Vienna; None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
