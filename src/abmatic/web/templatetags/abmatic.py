"""What templates need to show values: icons, times, numbers. Loaded in every template (see settings)."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

from django import template
from django.forms import BoundField, Select
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now

from abmatic.sync import settings_wording
from abmatic.web import domains, times
from abmatic.web.grids.cells import Place, cells
from abmatic.web.grids.columns import Spec
from abmatic.web.salesforce import tabs, types
from abmatic.web.values import NOTHING, duration, shown, whole_number
from abmatic.web.viewer import number_text

register = template.Library()
register.filter("salesforce_type", types.of_salesforce)
register.filter("field_type", types.of_ours)
register.filter("in_labels", settings_wording.told)

ICONS = Path(__file__).resolve().parents[1] / "static" / "vendor" / "icons.json"


@cache
def _drawings() -> dict[str, str]:
    if not ICONS.exists():
        # Pages work without drawings; the build that forgot them is caught by a test.
        return {}
    drawings: dict[str, str] = json.loads(ICONS.read_text(encoding="utf-8"))
    return drawings


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """A Tabler outline icon as inline SVG; decoration only, so screen readers skip it."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>',
        classes,
        # Drawings come from our own collected file.
        mark_safe(_drawings().get(name, "")),  # noqa: S308  # nosec B308 B703
    )


@register.simple_tag
def object_tabs() -> list[tabs.ObjectTab]:
    """The tabs of a connection's objects."""
    return tabs.object_tabs()


@register.simple_tag(takes_context=True)
def cells_of(context: template.RequestContext, row: object) -> SafeString:
    """The cells of a grid's row."""
    place = Place(context["spec"].record, bool(context.get("is_of_many")), context.get("record") or "")
    return cells(row, context["grid"].columns, place)


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's control in the product's look. A placeholder that repeats the label is left out."""
    kind = "form-select" if isinstance(field.field.widget, Select) else "form-control"
    attrs: dict[str, str | bool] = {"class": f"{kind} {field.field.widget.attrs.get('class', '')}".strip()}
    if field.field.widget.attrs.get("placeholder") == field.label:
        attrs["placeholder"] = ""
    return field.as_widget(attrs=attrs)


@register.filter
def moment(value: datetime | None) -> SafeString:
    """A time as "3 minutes ago" in the browser, exact in the viewer's zone on hover; UTC without JavaScript."""
    return times.moment(value)


@register.filter
def day_and_time(value: datetime | None) -> SafeString:
    """A time written out in the viewer's zone; UTC without JavaScript."""
    return times.day_and_time(value)


@register.filter
def number(value: int | float | Decimal | Literal[""] | None) -> SafeString | str:
    """A whole number with separators; a dash for nothing. 0 is a value."""
    return NOTHING if value is None or value == "" else whole_number(value)  # "": a count that is missing


@register.filter
def amount(value: Decimal | None) -> SafeString | str:
    """Money with separators, always to the cent; a dash for nothing."""
    return NOTHING if value is None else number_text(str(round(value, 2)), 2)


@register.filter
def cell(value: object) -> SafeString | str:
    """Any stored value as text for a table cell; a dash for nothing."""
    return shown(value)


@register.filter
def domain(value: str | None) -> SafeString | str:
    """A domain as people read it, with its stored form on hover; a dash for nothing."""
    return domains.element(value) if value else NOTHING


@register.filter
def seconds(value: float | None) -> str:
    """A length of time: "12 s", "3 min 20 s", "2 h 5 min"."""
    return duration(value)


@register.filter
def took(start: datetime | None, end: datetime | None) -> str:
    """How long it took from one time to another (to now, when it isn't over)."""
    if start is None:
        return ""
    return duration(((end or now()) - start).total_seconds())


@register.filter
def percent(part: float | None, whole: float | None = 1) -> str:
    """A share as "43 %", rounded; something is never 0 %, nor all but something 100 %; "" when it can't be told."""
    if part is None or not whole:
        return ""
    if 0 < part / whole < 0.01:
        return "under 1\N{NO-BREAK SPACE}%"
    share = part / whole
    # What is short of the whole, by however little, isn't the whole.
    return f"{99 if 0.99 < share < 1 else round(100 * share)} %"


@register.filter
def points(difference: float) -> str:
    """A difference of two shares in percentage points, always with its sign: "+3.2"."""
    rounded = round(100 * difference, 1) + 0.0  # no negative nothing
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    return f"{sign}{number_text(abs(rounded), 1)}"


@register.filter
def counted(number: int, noun: str) -> str:
    """A number with what it counts: "1 record", "2,000 records". ``noun`` is "record", or "person,people"."""
    one, _, many = noun.partition(",")
    return f"{number_text(number)} {one if number == 1 else many or f'{one}s'}"


@register.filter
def of_kind(number: int, spec: Spec) -> str:
    """A number of records of a grid's kind: "1 account", "2,000 accounts"."""
    return counted(number, f"{spec.record},{spec.label.lower()}")


@register.filter
def permille(share: float) -> str:
    """A share as a whole number of thousandths, for the value of a progress element."""
    return str(int(1000 * share))


@register.filter
def setting(value: object) -> str:
    """The value of a setting in words: "on", "manual", or what is written in a settings file."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.filter
def raw(value: object) -> str:
    """A value without separators: for ids and attributes."""
    return value.isoformat() if isinstance(value, date) else str(value)
