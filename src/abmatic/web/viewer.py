"""How the viewer wants numbers and times: their locale, for the length of a request (times: django.utils.timezone)."""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from functools import cache

from django.utils.formats import get_format
from django.utils.numberformat import format as formatted

# Offered on the profile page. What a browser has is as good, but people travel and share machines.
LOCALES = (
    ("en-US", "English (United States): 1,234.5"),
    ("en-GB", "English (United Kingdom): 1,234.5"),
    ("de-DE", "Deutsch (Deutschland): 1.234,5"),
    ("es-ES", "Español (España): 1.234,5"),
    ("fr-FR", "Français (France): 1 234,5"),
    ("it-IT", "Italiano (Italia): 1.234,5"),
    ("ja-JP", "日本語 (日本): 1,234.5"),
    ("nl-NL", "Nederlands (Nederland): 1.234,5"),
    ("pt-BR", "Português (Brasil): 1.234,5"),
    ("sv-SE", "Svenska (Sverige): 1 234,5"),
)

_locale: ContextVar[str] = ContextVar("locale", default="")


def set_locale(locale: str) -> None:
    """For the rest of the request."""
    _locale.set(locale)


def separators() -> tuple[str, str]:
    """What stands before the fraction of a number, and between its thousands, in the viewer's locale."""
    language = _locale.get().lower() or "en"
    return (
        str(get_format("DECIMAL_SEPARATOR", language, use_l10n=True)),
        str(get_format("THOUSAND_SEPARATOR", language, use_l10n=True)),
    )


def plain_number(text: str) -> str:
    """A number as the viewer writes it, without separators and with a point. What is none stays as it is."""
    decimal, thousand = separators()
    blank = r"[\s\u00a0\u202f]"
    between = blank if thousand.isspace() else re.escape(thousand)
    grouped = rf"[+-]?\d{{1,3}}(?:{between}\d{{3}})+(?:{re.escape(decimal)}\d+)?"
    if re.fullmatch(grouped, text.strip()):
        return re.sub(between, "", text.strip()).replace(decimal, ".")
    if re.fullmatch(rf"[+-]?\d+{re.escape(decimal)}\d+", text.strip()):
        return text.strip().replace(decimal, ".")
    return text


def typed_number(value: int | float | Decimal) -> str:
    """A number as the viewer types it: without separators between thousands, and its own sign before a fraction."""
    text = format(Decimal(str(value)), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(".", separators()[0])


def plain_date(text: str) -> str:
    """A day as the viewer writes it, as 2026-01-31. What is none stays as it is."""
    text = text.strip()
    language = _locale.get().lower() or "en"
    for form in ("%Y-%m-%d", *get_format("DATE_INPUT_FORMATS", language, use_l10n=True)):
        # Years of two digits could be any century's.
        if "%y" in form:
            continue
        with suppress(ValueError):
            return datetime.strptime(text, str(form)).date().isoformat()  # noqa: DTZ007 - a day has no zone
    return text


def typed_date(text: str) -> str:
    """A day that is stored as 2026-01-31, as the viewer writes it."""
    language = _locale.get().lower() or "en"
    forms = [str(each) for each in get_format("DATE_INPUT_FORMATS", language, use_l10n=True)]
    with suppress(ValueError):
        day = datetime.fromisoformat(text).date()
        return day.strftime(next((each for each in forms if "%Y" in each), "%Y-%m-%d"))
    return text


def number_text(value: int | float | str, places: int | None = None) -> str:
    """A number with the separators of the viewer's locale."""
    decimal, thousand = separators()
    return str(
        formatted(
            value, decimal, decimal_pos=places, grouping=3, thousand_sep=thousand, force_grouping=True, use_l10n=True
        )
    )


@cache
def zones() -> list[str]:
    """Every time zone by its name, as "Europe/Berlin"."""
    return sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
