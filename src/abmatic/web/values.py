"""How stored values are written out for people."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from django.utils.safestring import SafeString, mark_safe

from abmatic.web.viewer import number_text

NOTHING: SafeString = mark_safe('<span class="nothing">–<span class="visually-hidden">empty</span></span>')  # nosec B308

MINUTE = 60
HOUR = 3600


def shown(value: object) -> SafeString | str:
    """A value as text: numbers with separators, yes and no, dates, a dash for empty. Never markup of the data."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int):
        return number_text(value)
    if isinstance(value, float | Decimal):
        return _fraction(value)
    if isinstance(value, datetime):
        return exact_moment(value)
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    return str(value)


def whole_number(value: int | float | Decimal) -> str:
    """A number without its fraction, with separators."""
    return number_text(round(value))


def exact_moment(value: datetime) -> str:
    """A time in UTC, written out."""
    utc = value.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def duration(value: float | None) -> str:
    """A length of time in seconds as people say it; empty for None."""
    if value is None:
        return ""
    whole = int(value)
    if value < 1:
        return "under 1 s"
    if value < 10 and value != whole:
        return f"{value:.1f} s"
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{number_text(whole // HOUR)} h {whole % HOUR // MINUTE} min"


def _fraction(value: float | Decimal) -> str:
    """Two decimals where there is a fraction, none where there isn't."""
    exact = Decimal(str(value))
    if not exact.is_finite():
        return str(value)
    places = 0 if exact == exact.to_integral_value() else 2
    return number_text(str(round(exact, places)), places)
