"""Times as pages show them: JavaScript tells them in the viewer's zone; without it they are in UTC."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from abmatic.web.values import NOTHING, exact_moment


def moment(value: datetime | None) -> SafeString:
    """A time as "3 minutes ago" in the browser, exact on hover; a dash for none."""
    return _element(value, "relative")


def day_and_time(value: datetime | None) -> SafeString:
    """A time written out; a dash for none."""
    return _element(value, "exact")


def _element(value: datetime | None, style: str) -> SafeString:
    if value is None:
        return NOTHING
    return format_html('<time datetime="{}" data-show="{}">{}</time>', value.isoformat(), style, exact_moment(value))
