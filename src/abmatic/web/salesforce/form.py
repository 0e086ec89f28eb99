"""The form of one object's settings: what is shown in it, and what it sends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from abmatic.audiences.fields import LocalField, fields
from abmatic.sync import org_fields, settings_edit
from abmatic.sync.models import Mode
from abmatic.sync.objects import SObject
from abmatic.sync.org_fields import Offer
from abmatic.sync.settings_file import ObjectState
from abmatic.sync.settings_reading import settings_of
from abmatic.web.salesforce import filters

SWITCHES = ("create_in_salesforce", "update_in_salesforce", "create_in_abmatic", "update_in_abmatic")
_BOXES = (*SWITCHES, "auto_push")
_CHOICES = ("full_compare", "conflict_policy", "new_people")
_ROW = re.compile(r"mappings\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One mapping as it is shown: the sides, the modes, and what is to be said of it."""

    salesforce: str
    sf_label: str
    sf_type: str
    abmatic: str
    label: str
    type: str
    to_salesforce: str
    to_abmatic: str
    clear_with_empty: bool
    is_key: bool
    chip: str
    remarks: Sequence[str]
    problems: Sequence[str]

    @property
    def is_read(self) -> bool:
        return self.to_abmatic != Mode.NONE


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sent: as it is judged and saved, and its filter to be shown again."""

    said: dict[str, Any]
    filter: filters.FilterForm


def read(spec: SObject, post: QueryDict) -> Sent:
    """What was sent. Settings that the form doesn't show are not named, so they stay as they are."""
    known = settings_of(spec)
    said: dict[str, Any] = {name: name in post for name in _BOXES}
    frequency = post.get("frequency", "")
    said["frequency"] = int(frequency) if frequency.isascii() and frequency.isdigit() else frequency
    said |= {name: post.get(name, "") for name in _CHOICES if name in known}
    form, said["push_filter"] = filters.sent(spec.local, post)
    said["mappings"] = _mappings(post)
    return Sent(said, form)


def _mappings(post: QueryDict) -> list[dict[str, Any]]:
    names = ("m-salesforce", "m-abmatic", "m-to-salesforce", "m-to-abmatic")
    read_ones, cleared = set(post.getlist("m-into")), set(post.getlist("m-clear"))
    return [
        {
            "salesforce": salesforce,
            "abmatic": abmatic,
            "to_abmatic": to_abmatic if salesforce in read_ones else Mode.NONE.value,
            "to_salesforce": to_salesforce,
            "clear_with_empty": salesforce in cleared,
        }
        for salesforce, abmatic, to_salesforce, to_abmatic in zip(*(post.getlist(n) for n in names), strict=False)
    ]


def stored_mappings(state: ObjectState) -> list[dict[str, Any]]:
    """The mappings that are set, as a form would send them."""
    return [
        {
            "salesforce": each.salesforce,
            "abmatic": each.abmatic,
            "to_abmatic": each.to_abmatic,
            "to_salesforce": each.to_salesforce,
            "clear_with_empty": each.clear_with_empty,
        }
        for each in state.mappings
    ]


def rows(
    spec: SObject,
    mappings: Sequence[Mapping[str, Any]],
    offer: Offer | None,
    broken: Mapping[str, str],
    problems: Sequence[str] = (),
) -> list[Row]:
    """The mappings as they are shown. ``broken``: why the last sync skipped a field."""
    local = {each.name: each for each in fields(spec.local)}
    at_row: dict[int, list[str]] = {}
    for problem in problems:
        if found := _ROW.match(problem):
            at_row.setdefault(int(found[1]), []).append(problem.partition(": ")[2])
    return [
        row(spec, said, local.get(said["abmatic"]), offer, broken.get(said["salesforce"], ""), at_row.get(place, ()))
        for place, said in enumerate(mappings)
    ]


def row(
    spec: SObject,
    said: Mapping[str, Any],
    local: LocalField | None,
    offer: Offer | None,
    broken: str = "",
    problems: Sequence[str] = (),
) -> Row:
    """One mapping as it is shown."""
    theirs = offer.fields.get(said["salesforce"]) if offer else None
    return Row(
        salesforce=said["salesforce"],
        sf_label=theirs.label if theirs else "",
        sf_type=theirs.type if theirs else "",
        abmatic=said["abmatic"],
        label=local.label if local else said["abmatic"],
        type=str(local.type) if local else "",
        to_salesforce=said["to_salesforce"],
        to_abmatic=said["to_abmatic"],
        clear_with_empty=said["clear_with_empty"],
        is_key=spec.key is not None and said["salesforce"] == spec.key.sf_field,
        chip=settings_edit.direction(*settings_edit.modes(said["to_salesforce"], said["to_abmatic"])),
        remarks=org_fields.remarks(spec, said["salesforce"], local, offer, broken),
        problems=problems,
    )
