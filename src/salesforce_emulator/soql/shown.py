"""toLabel and FORMAT: values as a person sees them, in English of the United States.

Dates are those of the user's time zone.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from salesforce_emulator.schema import Field
from salesforce_emulator.soql.plan import Convert


def label(field: Field) -> Convert:
    """From a picklist's value to its label; a value that isn't listed stays."""
    labels = {str(v["value"]): str(v["label"]) for v in field.describe["picklistValues"]}

    def shown(value: str | None) -> str | None:
        if value is None or field.type != "multipicklist":
            return None if value is None else labels.get(value, value)
        return ";".join(labels.get(part, part) for part in value.split(";"))

    return shown


def formatted(kind: str, scale: int, zone: tzinfo | None) -> Convert | None:
    """What FORMAT makes of a value of this type; None where it leaves it as it is.

    :param scale: places behind the decimal point of a number.
    """

    def number(value: object) -> object:
        if not isinstance(value, int | float):
            return value
        digits = f"{abs(value):,.{scale}f}"
        mark = {"currency": f"${digits}", "percent": f"{digits}%"}.get(kind, digits)
        return f"-{mark}" if value < 0 else mark

    def day(value: str | None) -> str | None:
        try:
            return None if value is None else _day(date.fromisoformat(value))
        except ValueError:
            return value

    def moment(value: str | None) -> str | None:
        try:
            return None if value is None else _moment(datetime.fromisoformat(value).astimezone(zone))
        except (ValueError, OverflowError):
            return value

    if kind in ("int", "long", "double", "currency", "percent"):
        return number
    return {"date": day, "datetime": moment}.get(kind)


def _day(when: date) -> str:
    return f"{when.month}/{when.day}/{when.year}"


def _moment(when: datetime) -> str:
    return f"{_day(when)}, {when.hour % 12 or 12}:{when.minute:02d} {'AM' if when.hour < 12 else 'PM'}"


def local(stored: str | None, zone: str) -> str | None:
    """convertTimezone: a stored moment on the clock of a time zone, registered with SQLite as soql_local."""
    try:
        return None if stored is None else datetime.fromisoformat(stored).astimezone(ZoneInfo(zone)).isoformat()[:19]
    except (ValueError, OverflowError):
        return stored
