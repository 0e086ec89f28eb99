"""The cells of a grid's rows. In Python and not in templates: a page has 400 of them, and a template takes a tenth of a
millisecond for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from abmatic.web import domains
from abmatic.web.grids.columns import Column
from abmatic.web.times import moment
from abmatic.web.values import NOTHING, shown, whole_number


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row is shown. ``is_of_many``: beside those of other accounts; ``of``: on the page of which record."""

    record: str
    is_of_many: bool = False
    of: str = ""


def cells(row: Any, columns: tuple[Column, ...], place: Place) -> SafeString:
    """A row's cells, one for each column."""
    return format_html_join("", "{}", ((_DRAWN.get(each.drawn, _text)(row, each, place),) for each in columns))


def _name(row: Any, _: Column, place: Place) -> SafeString:
    return format_html('<td class="col-name">{}</td>', _NAMES[place.record](row, place))


def _account_name(row: Any, _: Place) -> SafeString:
    country = format_html(" · <bdi>{}</bdi>", row.country) if row.country else ""
    domain = domains.element(row.domain) if row.domain else "no domain"
    return format_html(
        '{}<span class="under cut">{}{}</span>', _strong("account-overview", row), domain, country
    )  # fmt: skip


def _contact_name(row: Any, _: Place) -> SafeString:
    return format_html("{}{}", _strong("contact-overview", row), _under(row.work_email or "no e-mail"))


def _campaign_name(row: Any, _: Place) -> SafeString:
    parent = _quiet("campaign-overview", row.parent) if row.parent else ""
    return format_html("{}{}{}", _strong("campaign-overview", row), parent, _under(row.type or ""))


def _member_name(row: Any, place: Place) -> SafeString:
    if place.of == "contact":
        return _strong("campaign-overview", row.campaign)
    account = row.contact.account
    employer = format_html('<span class="quiet cut" dir="auto">{}</span>', account) if account else ""
    return format_html("{}{}", _strong("contact-overview", row.contact), employer)


def _opportunity_name(row: Any, place: Place) -> SafeString:
    account = _quiet("account-opportunities", row.account) if place.is_of_many and row.account else ""
    return format_html("{}{}{}", _strong("opportunity-overview", row), account, _under(row.stage or ""))


def _strong(page: str, record: Any) -> SafeString:
    return format_html('<a class="strong cut" href="{}" dir="auto">{}</a>', reverse(page, args=[record.pk]), record)


def _quiet(page: str, record: Any) -> SafeString:
    return format_html('<a class="quiet cut" href="{}" dir="auto">{}</a>', reverse(page, args=[record.pk]), record)


def _under(text: str) -> SafeString:
    return format_html('<span class="under cut" dir="auto">{}</span>', text)


def _plain(row: Any, column: Column, _: Place) -> SafeString:
    return _cell(column, shown(_value(row, column)))


def _text(row: Any, column: Column, _: Place) -> SafeString:
    return _cell(column, _cut(shown(_value(row, column))))


def _number(row: Any, column: Column, _: Place) -> SafeString:
    return format_html('<td class="num drop-{}">{}</td>', column.drop, shown(_value(row, column)))


def _money(row: Any, column: Column, _: Place) -> SafeString:
    value = _value(row, column)
    if value is None:
        return format_html('<td class="num drop-{}">{}</td>', column.drop, NOTHING)
    return format_html(
        '<td class="num drop-{}" title="{}">{}</td>', column.drop, shown(value), whole_number(value)
    )  # fmt: skip


def _domain(row: Any, column: Column, _: Place) -> SafeString:
    inner = domains.element(row.domain) if row.domain else NOTHING
    return _cell(column, format_html('<span class="cut">{}</span>', inner))


def _time(row: Any, column: Column, _: Place) -> SafeString:
    return _cell(column, moment(_value(row, column)))


def _arrival(row: Any, column: Column, _: Place) -> SafeString:
    return _cell(column, moment(row.created_at))


def _company(row: Any, column: Column, _: Place) -> SafeString:
    if row.account is None:
        return _cell(column, _cut(shown(row.company)))
    url = reverse("account-overview", args=[row.account.pk])
    return _cell(column, format_html('<a class="cut" href="{}" dir="auto">{}</a>', url, row.account))


def _kind(row: Any, column: Column, _: Place) -> SafeString:
    return _cell(column, _chip(row.get_kind_display(), row.kind) if row.kind else NOTHING)


def _campaign_status(row: Any, column: Column, _: Place) -> SafeString:
    return _marked(column, row.status, _chip("Active", "succeeded") if row.is_active else "")


def _member_status(row: Any, column: Column, _: Place) -> SafeString:
    mark: SafeString | str = ""
    if row.is_removed:
        mark = _chip("Removed", "failed")
    elif row.has_responded and row.status != "Responded":
        mark = _chip("Responded", "succeeded")
    return _marked(column, row.status, mark)


def _stage(row: Any, column: Column, _: Place) -> SafeString:
    mark = _chip("Won", "succeeded") if row.is_won else _chip("Lost") if row.is_closed else ""
    return _marked(column, row.stage, mark)


def _marked(column: Column, text: str | None, mark: SafeString | str) -> SafeString:
    return _cell(column, format_html("{}{}{}", _cut(shown(text)), " " if mark else "", mark))


def _chip(text: str, kind: str = "") -> SafeString:
    return format_html('<span class="chip{}">{}</span>', f" chip-{kind}" if kind else "", text)


def _cut(inner: SafeString | str) -> SafeString:
    return format_html('<span class="cut" dir="auto">{}</span>', inner)


def _cell(column: Column, inner: SafeString | str) -> SafeString:
    return format_html('<td class="drop-{}">{}</td>', column.drop, inner)


def _value(row: Any, column: Column) -> Any:
    return getattr(row, column.field, None)


_Drawing = Callable[[Any, Column, Place], SafeString]
_NAMES: dict[str, Callable[[Any, Place], SafeString]] = {
    "account": _account_name, "contact": _contact_name, "campaign": _campaign_name, "campaign_member": _member_name,
    "opportunity": _opportunity_name,
}  # fmt: skip
_DRAWN: dict[str, _Drawing] = {
    "name": _name, "domain": _domain, "number": _number, "money": _money, "time": _time, "arrival": _arrival,
    "company": _company, "kind": _kind, "campaign_status": _campaign_status, "member_status": _member_status,
    "stage": _stage, "date": _plain, "yesno": _plain,
}  # fmt: skip
