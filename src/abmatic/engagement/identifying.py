"""Whose visit it was.

1. **Signs** are judged: an e-mail address that was given in a form or by `identify()`, or a link that was sent to one
   person. Where the site is set to make people (`engagement.newcomers`), who is not known yet becomes a contact, and
   the company of the address's domain an account, through the door that edits go through (`audiences.editing`), so that
   the push sees them. A person who is there stays as they are: what somebody typed into a form overwrites nothing.
   Domains of free mail make no accounts. Who is not made is recognised once they come from elsewhere.
2. **Sessions** of visitors with signs are given to whom the surest sign up to their end names, the latest of several as
   sure; those before any, to the first of the surest. So the history of before joins, a device that two people use is
   kept apart, and a forwarded link makes nobody another person than who signed in.

Judged again, it comes to the same.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, LiteralString

from django.db import connection, transaction

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit, Saved
from abmatic.changes.models import Cause
from abmatic.engagement import links, newcomers
from abmatic.engagement.models import VisitorSign
from abmatic.engagement.people import LOCK
from abmatic.postgres import locks
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
    _run("look_again", {})
    total = 0
    while (judged := _judge_some(batch)) > 0:
        total += judged
    while _assign_some(batch * 10) > 0:
        pass
    return total


def follow_records() -> int:
    """Follows people who became one with another, or whose account has become another. Answers how many sessions moved.

    Looks at everything, so it is for once in a while.
    """
    with transaction.atomic():
        locks.shared_until_the_end(LOCK)
        _ask("mend", {})
    while _assign_some(batch=BATCH * 10) > 0:
        pass
    with transaction.atomic():
        locks.shared_until_the_end(LOCK)
        return int(_ask("follow", {})[0][0])


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
        locks.shared_until_the_end(LOCK)
        rows = VisitorSign.objects.select_for_update().filter(is_judged=False).order_by("occurred_at", "id")[:batch]
        signs = {str(row.pk): _Sign(row, person=person_of(row.given)) for row in rows}
        if not signs:
            return 0
        linked = _linked(signs)
        for sign_id, *found in _ask("look_up", {"ids": list(signs), "linked": json.dumps(linked)}):
            sign = signs[str(sign_id)]
            sign.key, sign.domain, sign.contact, sign.account = found
            if str(sign_id) in linked and sign.contact is None:
                sign.problem = "The person that the link was made for is not here any more"
        _reveal([sign for sign in signs.values() if sign.row.kind != VisitorSign.Kind.LINK])
        told = [
            {"id": sign_id, "contact": sign.contact, "account": sign.account, "problem": sign.problem,
             "waits_for": sign.key if sign.contact is None else None}
            for sign_id, sign in signs.items()
        ]  # fmt: skip
        _run("settle", {"told": json.dumps(told)})
    return len(signs)


def _reveal(named: list[_Sign]) -> None:
    """Makes the people and companies that signs name, as far as their sites make any."""
    strangers: dict[str, list[_Sign]] = defaultdict(list)
    for sign in named:
        if sign.contact is None and sign.key is None:
            sign.problem = "What was given is no e-mail address"
        elif sign.contact is None:
            strangers[str(sign.key)].append(sign)
    door = newcomers.Door({sign.row.site_id for sign in named if sign.row.site_id is not None})
    people = {key: signs for key, signs in strangers.items() if _let_in(door, signs)}
    known = [sign for sign in named if sign.contact is not None and door.is_open(sign.row.site_id)]
    named = [*known, *(sign for signs in people.values() for sign in signs)]
    causes = _Causes()
    _reveal_accounts([sign for sign in named if sign.domain and sign.account is None], causes)
    _reveal_contacts(people, causes)
    door.write()


def _let_in(door: newcomers.Door, signs: list[_Sign]) -> bool:
    """Whether a site makes the person whom all these signs name. The others say why they don't."""
    sites = dict.fromkeys(sign.row.site_id for sign in signs)
    reasons = {}
    for site in sites:
        reasons[site] = door.refusal(site)
        if not reasons[site]:
            return True
    for sign in signs:
        sign.problem = reasons[sign.row.site_id]
    return False


class _Causes:
    """A cause for each kind of sign on each page, made when something is written."""

    def __init__(self) -> None:
        self._made: dict[str, Cause] = {}

    def of(self, note: str) -> Cause:
        if note not in self._made:
            self._made[note] = Cause.objects.create(kind=Cause.Kind.WEB, note=note)
        return self._made[note]


def _note(row: VisitorSign) -> str:
    return f"{row.get_kind_display()}{f', {row.path}' if row.path else ''}"


def _linked(signs: Mapping[str, _Sign]) -> dict[str, int]:
    """For whom the links among the signs were made, by sign."""
    found: dict[str, int] = {}
    for sign_id, sign in signs.items():
        if sign.row.kind == VisitorSign.Kind.LINK:
            token = sign.row.given.get("token")
            try:
                # What was judged before has no token any more.
                known = sign.row.contact_id if token is None else links.contact_of(str(token), sign.row.occurred_at)
                if known is not None:
                    found[sign_id] = known
            except links.TokenRefused as refused:
                sign.problem = str(refused)
    return found


def _reveal_accounts(signs: list[_Sign], causes: _Causes) -> None:
    """Makes the companies of addresses whose domain stands for one, once each."""
    first: dict[str, _Sign] = {}
    for sign in signs:
        first.setdefault(str(sign.domain), sign)
    saved = _saved("account", first, _account, causes)
    for sign in signs:
        sign.account = saved[str(sign.domain)].id


def _reveal_contacts(people: dict[str, list[_Sign]], causes: _Causes) -> None:
    """Makes people who aren't there yet, once each, of all that was given of each."""
    first = {key: signs[0] for key, signs in people.items()}
    for key, signs in people.items():
        for sign in signs[1:]:
            first[key].person = {**sign.person, **first[key].person}
    saved = _saved("contact", first, _contact, causes)
    # What can't be taken of somebody is left out; the address alone is a person.
    for key, sign in first.items():
        for problem in saved[key].problems:
            sign.person.pop(problem.field, None)
    saved |= _saved("contact", {key: sign for key, sign in first.items() if saved[key].problems}, _contact, causes)
    for key, signs in people.items():
        for sign in signs:
            sign.contact = saved[key].id
            sign.problem = " ".join(problem.reason for problem in saved[key].problems)


def _account(domain: str, sign: _Sign) -> dict[str, object]:
    return {"name": sign.person.get("company") or domain, "website": domain}


def _contact(_: str, sign: _Sign) -> dict[str, object]:
    return {**sign.person, "work_email": sign.row.email, "account_id": sign.account}


def _saved(
    record: str, signs: dict[str, _Sign], values: Callable[[str, _Sign], dict[str, object]], causes: _Causes
) -> dict[str, Saved]:
    """Makes a record of each, under a cause for each kind of sign and page. One that is there by now stays as it is."""
    together: dict[str, list[str]] = defaultdict(list)
    for key, sign in signs.items():
        together[_note(sign.row)].append(key)
    saved: dict[str, Saved] = {}
    for note, keys in together.items():
        edits = [Edit(values(key, signs[key]), by_key=True, keeps=True) for key in keys]
        saved.update(zip(keys, editing.save(record, edits, partial(causes.of, note)), strict=True))
    return saved


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
    with transaction.atomic():
        locks.shared_until_the_end(LOCK)
        due = [visitor for (visitor,) in _ask("due", {"batch": batch})]
        if due:
            _ask("assign", {"visitors": due, "sure": json.dumps(CONFIDENCE)})
    return len(due)


def _ask(name: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.engagement", "sql/identifying.sql", name), parameters)
        return list(cursor.fetchall())


def _run(name: LiteralString, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.engagement", "sql/identifying.sql", name), parameters)
