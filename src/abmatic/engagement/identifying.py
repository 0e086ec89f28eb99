"""Whose visit it was.

1. **Signs** are judged: an e-mail address that was given in a form or by `identify()`, or a link that was sent to one
   person. Who is not known yet becomes a contact, and the company of the address's domain an account, through the door
   that edits go through (`audiences.editing`), so that the push sees them. A person who is there stays as they are:
   what somebody typed into a form overwrites nothing. Domains of free mail make no accounts.
2. **Sessions** of visitors with signs are given to whom the surest sign up to their end names, the latest of several as
   sure; those before any, to the first of the surest. So the history of before joins, a device that two people use is
   kept apart, and a forwarded link makes nobody another person than who signed in.

Judged again, it comes to the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, LiteralString

from django.db import connection, transaction

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit, Saved
from abmatic.changes.models import Cause
from abmatic.engagement import links
from abmatic.engagement.models import VisitorSign
from abmatic.postgres.sql import block

# How sure each sign is, of 100. Anybody can type any address; anybody may forward a link.
CONFIDENCE = {"identify": 100, "form": 90, "link": 70}
_LABELS = ((90, "Certain"), (60, "Likely"), (1, "Possible"), (0, "Unknown"))
# Signs, or visitors, that are judged in one transaction.
BATCH = 500

_PERSON = ("first_name", "last_name", "company", "job_title", "phone")


def confidence_label(confidence: int) -> str:
    """What people read of a number from 0 to 100."""
    return next(label for least, label in _LABELS if confidence >= least)


def identify(batch: int = BATCH) -> int:
    """Judges what is new, and gives sessions to whom they belong. Answers how many signs were judged."""
    total = 0
    while (judged := _judge_some(batch)) > 0:
        total += judged
    while _assign_some(batch * 10) > 0:
        pass
    return total


@dataclass(slots=True)
class _Sign:
    """A sign under way. ``key``: of the e-mail address; ``domain``: that stands for a company."""

    row: VisitorSign
    key: str | None = None
    domain: str | None = None
    contact: int | None = None
    account: int | None = None
    problem: str = ""
    person: dict[str, str] = field(default_factory=dict)


def _judge_some(batch: int) -> int:
    with transaction.atomic():
        rows = VisitorSign.objects.select_for_update().filter(is_judged=False).order_by("occurred_at", "id")[:batch]
        signs = {str(row.pk): _Sign(row, person=person_of(row.given)) for row in rows}
        if not signs:
            return 0
        _read_links(signs.values())
        for sign_id, *found in _ask("look_up", {"ids": list(signs)}):
            sign = signs[str(sign_id)]
            sign.key, sign.domain, sign.contact, sign.account = found
            if sign.row.contact_id is not None and sign.contact is None:
                sign.problem = "The person that the link was made for is not here any more"
        cause = _OneCause(next(iter(signs.values())).row)
        named = [sign for sign in signs.values() if sign.row.kind != VisitorSign.Kind.LINK]
        _reveal_accounts([sign for sign in named if sign.domain and sign.account is None], cause)
        _reveal_contacts([sign for sign in named if sign.contact is None], cause)
        told = [
            {"id": sign_id, "contact": sign.contact, "account": sign.account, "problem": sign.problem}
            for sign_id, sign in signs.items()
        ]
        _run("settle", {"told": json.dumps(told)})
    return len(signs)


class _OneCause:
    """One act's cause, made when something is written."""

    def __init__(self, first: VisitorSign) -> None:
        self._first = first
        self._made: Cause | None = None

    def __call__(self) -> Cause:
        if self._made is None:
            note = f"{self._first.get_kind_display()}{f', {self._first.path}' if self._first.path else ''}"
            self._made = Cause.objects.create(kind=Cause.Kind.WEB, note=note)
        return self._made


def _read_links(signs: Iterable[_Sign]) -> None:
    for sign in signs:
        if sign.row.kind == VisitorSign.Kind.LINK:
            sign.row.contact_id = links.contact_of(str(sign.row.given.get("token") or ""))
            VisitorSign.objects.filter(pk=sign.row.pk).update(contact_id=sign.row.contact_id)
            if sign.row.contact_id is None:
                sign.problem = "The link’s token was not made here, or is not whole"


def _reveal_accounts(signs: list[_Sign], cause: _OneCause) -> None:
    """Makes the companies of addresses whose domain stands for one, once each."""
    first: dict[str, _Sign] = {}
    for sign in signs:
        first.setdefault(str(sign.domain), sign)
    edits = [
        Edit({"name": sign.person.get("company") or domain, "website": domain}, by_key=True)
        for domain, sign in first.items()
    ]
    saved = dict(zip(first, editing.save("account", edits, cause), strict=True))
    for sign in signs:
        sign.account = saved[str(sign.domain)].id


def _reveal_contacts(signs: list[_Sign], cause: _OneCause) -> None:
    """Makes the people that aren't there yet, once each, of all that was given of each."""
    people: dict[str, _Sign] = {}
    for sign in signs:
        if sign.key is None:
            sign.problem = "What was given is no e-mail address"
        elif sign.key in people:
            people[sign.key].person = {**sign.person, **people[sign.key].person}
        else:
            people[sign.key] = sign
    saved = _saved(people, cause)
    # What can't be taken of somebody is left out; the address alone is a person.
    for key, sign in people.items():
        for problem in saved[key].problems:
            sign.person.pop(problem.field, None)
    saved |= _saved({key: sign for key, sign in people.items() if saved[key].problems}, cause)
    for sign in signs:
        if sign.key is not None:
            sign.contact = saved[sign.key].id
            sign.problem = " ".join(problem.reason for problem in saved[sign.key].problems)


def _saved(people: dict[str, _Sign], cause: _OneCause) -> dict[str, Saved]:
    edits = [
        Edit({**sign.person, "work_email": sign.row.email, "account_id": sign.account}, by_key=True)
        for sign in people.values()
    ]
    return dict(zip(people, editing.save("contact", edits, cause), strict=True))


def person_of(given: dict[str, Any]) -> dict[str, str]:
    """Of what a form or `identify()` gave, the fields of a person. A whole name is parted before its last word."""
    texts = {name: value.strip() for name, value in given.items() if isinstance(value, str) and value.strip()}
    person = {name: texts[name] for name in _PERSON if name in texts}
    if "last_name" not in person and "name" in texts:
        first, _, last = texts["name"].rpartition(" ")
        person["last_name"] = last
        if first and "first_name" not in person:
            person["first_name"] = first.strip()
    return person


def _assign_some(batch: int) -> int:
    parameters = {"batch": batch, "sure": json.dumps(CONFIDENCE)}
    with transaction.atomic():
        found = _ask("assign", parameters)
    return int(found[0][0])


def _ask(name: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.engagement", "sql/identifying.sql", name), parameters)
        return list(cursor.fetchall())


def _run(name: LiteralString, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.engagement", "sql/identifying.sql", name), parameters)
