"""The search in the top bar.

What begins with the words comes first: it is read from the sort and key indexes and is instant whatever the size. Only
when that finds little are names searched for the words anywhere, within a short time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Concat
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from abmatic.audiences.conditions import Condition
from abmatic.audiences.list_indexes import Table, table_of
from abmatic.audiences.models import Account, Contact
from abmatic.audiences.sorting import LAST_CHARACTER, beginning, sort_key
from abmatic.web.counting import TookTooLong, time_allowed
from abmatic.web.domains import decoded, encoded
from abmatic.web.grids.filters import clean
from abmatic.web.grids.meets import Meets
from abmatic.web.http import PageRequest

SHOWN = 6
BEGINNING_MS = 1_000
ANYWHERE_MS = 500
SOON_MS = 30


@dataclass(frozen=True, slots=True)
class Hit:
    """One result."""

    kind: str
    title: str
    detail: str
    url: str


@require_safe
def search(request: PageRequest) -> HttpResponse:
    """Results as a page of their own, or as the list under the search box."""
    query = clean(request.GET.get("q", ""))
    hits = find(query) if query else []
    return render(
        request, "frame/search_results.html" if request.htmx else "search.html", {"query": query, "hits": hits}
    )


def find(query: str) -> list[Hit]:
    """At most `SHOWN` accounts and as many contacts."""
    accounts = accounts_like(query)
    table = table_of("contact")
    contacts = _found(
        [
            *_begins(Contact.objects, "last_name", query, table),
            _begins_with_key(Contact.objects, "email_key", query),
        ],
        _anywhere("contact", Contact.objects, _every_word(query), table),
    )
    return [
        Hit(
            "Account", str(one), decoded(one.domain or "") or one.city or "", reverse("account-overview", args=[one.pk])
        )
        for one in accounts
    ] + [
        Hit("Contact", str(one), one.work_email or one.company or "", reverse("contact-overview", args=[one.pk]))
        for one in contacts
    ]


def accounts_like(query: str) -> list[Account]:
    """At most `SHOWN` accounts, those whose name or domain begins so first."""
    table = table_of("account")
    return _found(
        [
            *_begins(Account.objects, "name", query, table),
            _begins_with_key(Account.objects, "domain", encoded(query)),
        ],
        _anywhere("account", Account.objects, {"field": "name", "is": "contains", "value": query}, table),
    )


def _anywhere(record: str, records: Any, condition: Condition, table: Table) -> list[tuple[QuerySet[Any], int]]:
    """Records that meet a condition, in any order. Of many: what is met often is met soon, the rest has an index."""
    met: QuerySet[Any] = records.filter(Meets(record, condition))
    if not table.is_large:
        return [(met, ANYWHERE_MS)]
    return [(met, SOON_MS), (records.filter(Meets(record, condition, table)), ANYWHERE_MS)]


def _found(beginnings: list[QuerySet[Any]], anywhere: list[tuple[QuerySet[Any], int]]) -> list[Any]:
    found: dict[int, Any] = {}
    for records, milliseconds in [*((one, BEGINNING_MS) for one in beginnings), *anywhere]:
        if len(found) >= SHOWN:
            break
        try:
            with time_allowed(milliseconds):
                found.update((one.pk, one) for one in records[:SHOWN] if one.pk not in found)
        except TookTooLong:
            continue
    return list(found.values())[:SHOWN]


def _begins(records: Any, name: str, query: str, table: Table) -> list[QuerySet[Any]]:
    """Records whose sort key begins with the words, in its order: a range of its index.

    None where texts are sorted otherwise than by code, when it is no range: then they are among the others.
    """
    if not table.is_by_code or not beginning(query):
        return []
    start = sort_key(Value(query, output_field=TextField()))
    keyed: QuerySet[Any] = records.annotate(sort_key=sort_key(name))
    found = keyed.filter(sort_key__gte=start, sort_key__lte=Concat(start, Value(LAST_CHARACTER)))
    # Not by id as well: of one last name there may be tens of thousands, and six are shown.
    return [found.order_by("sort_key")]


def _begins_with_key(records: Any, field: str, query: str) -> QuerySet[Any]:
    """Records whose key (a domain, an e-mail address) begins with the words."""
    start = query.lower()
    found: QuerySet[Any] = records.filter(
        **{f"{field}__gte": start, f"{field}__lte": start + LAST_CHARACTER, f"{field}__startswith": start}
    )
    return found.order_by(F(field))


def _every_word(query: str) -> Condition:
    """Each word in the first or the last name: "anna smith" and "smith anna" alike."""
    words = query.split()[:5]
    names = ("first_name", "last_name")
    return {
        "all": [{"any": [{"field": name, "is": "contains", "value": word} for name in names]} for word in words]
    }  # fmt: skip
