"""How the viewer wants numbers and times: their locale, for the length of a request (times: django.utils.timezone)."""

from __future__ import annotations

import zoneinfo
from contextvars import ContextVar
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


def number_text(value: int | float | str, places: int | None = None) -> str:
    """A number with the separators of the viewer's locale."""
    language = _locale.get().lower() or "en"
    return str(
        formatted(
            value,
            get_format("DECIMAL_SEPARATOR", language, use_l10n=True),
            decimal_pos=places,
            grouping=3,
            thousand_sep=get_format("THOUSAND_SEPARATOR", language, use_l10n=True),
            force_grouping=True,
            use_l10n=True,
        )
    )


@cache
def zones() -> list[str]:
    """Every time zone by its name, as "Europe/Berlin"."""
    return sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
