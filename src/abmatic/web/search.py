"""The search in the top bar.

What begins with the words comes first: it is read from the sort and key indexes and is instant whatever the size. Only
when that finds little are records searched that hold the words anywhere, within a short time.
"""

from __future__ import annotations

from contextlib import suppress
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
from abmatic.web.grids.grid import SHORTEST
from abmatic.web.grids.meets import FirstThatMeet, Meets
from abmatic.web.http import PageRequest

SHOWN = 6
# Of so many that are found anywhere, those come first whose name it is.
AMONG = 60
BEGINNING_MS = 1_000
ANYWHERE_MS = 500
# Rows that are looked at before an index is asked.
WALKED = 2_000
MOST_WORDS = 5


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
    accounts, contacts = accounts_like(query), contacts_like(query)
    return [
        Hit(
            "Account", str(one), decoded(one.domain or "") or one.city or "", reverse("account-overview", args=[one.pk])
        )
        for one in accounts
    ] + [
        Hit("Contact", str(one), one.work_email or one.company or "", reverse("contact-overview", args=[one.pk]))
        for one in contacts
    ]


def contacts_like(query: str) -> list[Contact]:
    """At most `SHOWN` contacts, those whose last name or address begins so first."""
    table = table_of("contact")
    return _found(
        query,
        [
            *_begins(Contact.objects, "last_name", query, table),
            _begins_with_key(Contact.objects, "email_key", query),
        ],
        _anywhere("contact", Contact.objects, query, table),
    )


def accounts_like(query: str) -> list[Account]:
    """At most `SHOWN` accounts, those whose name or domain begins so first."""
    table = table_of("account")
    return _found(
        query,
        [
            *_begins(Account.objects, "name", query, table),
            _begins_with_key(Account.objects, "domain", encoded(query)),
        ],
        _anywhere("account", Account.objects, query, table),
    )


def _anywhere(record: str, records: Any, query: str, table: Table) -> list[tuple[QuerySet[Any], int]]:
    """Records that hold each word somewhere. Of many: what is met often is met soon, the rest has an index."""
    words = query.split()[:MOST_WORDS]
    alike = [{word, encoded(word)} if record == "account" else {word} for word in words]
    condition: Condition = {"all": [{"any": [{"search": each} for each in sorted(some)]} for some in alike]}
    if not table.is_large:
        return [(records.filter(Meets(record, condition)), ANYWHERE_MS)]
    if all(len(word) < SHORTEST and word.isascii() for word in words):
        return []  # a letter or two on the way to a word: hardly a record doesn't hold them
    walked = records.annotate(met=Meets(record, condition)).order_by("pk").values("pk", "met")[:WALKED]
    soon = records.filter(pk__in=FirstThatMeet(walked, SHOWN))
    return [(soon, ANYWHERE_MS), (records.filter(Meets(record, condition, table)), ANYWHERE_MS)]


def _found(query: str, beginnings: list[QuerySet[Any]], anywhere: list[tuple[QuerySet[Any], int]]) -> list[Any]:
    found: dict[int, Any] = {}
    for records in beginnings:
        if len(found) < SHOWN:
            _add(found, records[:SHOWN], BEGINNING_MS)
    words = query.lower().split()
    for records, milliseconds in anywhere:
        if len(found) < SHOWN:
            further: dict[int, Any] = {}
            _add(further, records[:AMONG], milliseconds)
            # Whose name it is comes before whose company or address it is.
            for one in sorted(further.values(), key=lambda one: not all(word in str(one).lower() for word in words)):
                found.setdefault(one.pk, one)
    return list(found.values())[:SHOWN]


def _add(found: dict[int, Any], records: QuerySet[Any], milliseconds: int) -> None:
    """Adds what is found within the time allowed."""
    with suppress(TookTooLong), time_allowed(milliseconds):
        for one in records:
            found.setdefault(one.pk, one)


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
