"""A form's inputs: what each shows of a value, and what the browser sends back of it.

A browser changes what it is given: it knows one kind of newline, none within a line, and no NUL.  Whoever saves a form
untouched must not change the record by that, so a value is compared in the form in which it was sent out.
"""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from salesforce_emulator import ids
from salesforce_emulator.pages import layout
from salesforce_emulator.pages.acting import schema
from salesforce_emulator.pages.lists import named
from salesforce_emulator.pages.records import Record
from salesforce_emulator.pages.shown import name_of, visible
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import OrgStore

NAME = ".name"
"""Follows a reference's field name where its form names the record that is referred to."""
_NO_NUL = {0: 0xFFFD}


@dataclass(frozen=True)
class Input:
    """One input. ``text`` is what it holds; a reference's ``name`` what the record of that id is called."""

    field: Field
    kind: str
    text: str
    name: str = ""
    options: tuple[tuple[str, str], ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return layout.label(self.field)

    @property
    def chosen(self) -> frozenset[str]:
        """The values of a multi-select picklist."""
        return frozenset(self.text.split(";")) if self.text else frozenset()

    @property
    def objects(self) -> str:
        """What a reference may refer to, as the search for it wants it."""
        return ",".join(self.field.reference_to)


class NotFound(ValueError):
    """A reference's text names no record, or several."""


def kind_of(field: Field, text: str) -> str:
    """Which control suits a field that holds this text."""
    if field.type == "date" and text and not _is_date(text):
        return "text"
    kinds = {
        "boolean": "checkbox",
        "textarea": "textarea",
        "picklist": "select",
        "multipicklist": "many",
        "reference": "reference",
        "date": "date",
    }
    return kinds.get(field.type, "text")


def _is_date(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()


def text_of(field: Field, value: object) -> str:
    """A value as its input holds it."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = _one_newline(str(value)).translate(_NO_NUL)
    return text if field.type in ("textarea", "picklist", "multipicklist") else text.replace("\n", "")


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def options(store: OrgStore, sobject: SObject, field: Field, campaign_id: object, current: str) -> list[str]:
    """The values a picklist offers; the current one whatever it is."""
    if (sobject.name, field.name) == ("Opportunity", "StageName"):
        found = stages(store)
    elif (sobject.name, field.name) == ("Lead", "Status"):
        found = lead_statuses(store, converted=False)
    elif (sobject.name, field.name) == ("CampaignMember", "Status") and campaign_id:
        found = member_statuses(store, str(campaign_id))
    else:
        found = list(field.picklist_values)
    return found if not current or current in found else [current, *found]


def stages(store: OrgStore) -> list[str]:
    return _labels(store, 'SELECT "MasterLabel" FROM "OpportunityStage" WHERE "IsActive" = 1 ORDER BY "SortOrder"')


def lead_statuses(store: OrgStore, *, converted: bool) -> list[str]:
    sql = 'SELECT "MasterLabel" FROM "LeadStatus" WHERE "IsConverted" = ? ORDER BY "SortOrder"'
    return _labels(store, sql, int(converted))


def member_statuses(store: OrgStore, campaign_id: str) -> list[str]:
    sql = (
        'SELECT "Label" FROM "CampaignMemberStatus" WHERE "CampaignId" = ? AND "IsDeleted" = 0'
        ' ORDER BY "SortOrder", "Id"'
    )
    return _labels(store, sql, campaign_id)


def _labels(store: OrgStore, sql: str, *parameters: object) -> list[str]:
    with store.reading() as conn:
        return [str(r[0]) for r in conn.execute(sql, parameters)]


def referred(store: OrgStore, field: Field, form: MultiDict[str, str]) -> str | None:
    """The record that a form names in a reference: by the id that was picked, by an id, or by its whole name.

    :raises NotFound: it names none, or several.
    """
    picked = form.get(field.name, "").strip()
    if field.name + NAME not in form:
        return picked or None
    typed = form[field.name + NAME].strip()
    if not typed:
        return None
    if picked and typed == label_of(store, picked):
        return picked
    if ids.is_id(typed) and name_of(store, ids.to18(typed)) is not None:
        return ids.to18(typed)
    objects = [sobject for n in field.reference_to if (sobject := schema().get(n)) is not None]
    found = [match.id for o in objects for match in named(store, o, typed, exactly=True)]
    if not found:
        raise NotFound(f"No record is called “{typed[:80]}”: choose one of those suggested, or type an id.")
    if len(found) > 1:
        raise NotFound(f"{len(found)} records are called “{typed[:80]}”: choose one of those suggested, or type an id.")
    return found[0]


def label_of(store: OrgStore, record_id: str) -> str:
    """What a reference's input shows for an id."""
    return visible(name_of(store, record_id) or record_id).replace("\r", "").replace("\n", "").strip()


def sent(store: OrgStore, field: Field, form: MultiDict[str, str], record: Record | None) -> tuple[bool, object]:
    """Whether a form changes a field, and to what. An unticked box is false, an empty input is null.

    :raises NotFound: as :func:`referred` does.
    """
    stored = record.value(field.name) if record else None
    if field.type == "boolean":
        return (field.name in form) != bool(stored), field.name in form
    if field.name not in form and field.name + NAME not in form:
        return False, None
    if field.type == "reference":
        reference = referred(store, field, form)
        return reference != stored, reference
    before = text_of(field, stored)
    if field.type == "multipicklist":
        chosen = [v for v in form.getlist(field.name) if v]
        return set(chosen) != set(filter(None, before.split(";"))), ";".join(chosen) or None
    after = _one_newline(form[field.name])
    return after != before and not _same_number(after, stored), after or None


def _same_number(text: str, stored: object) -> bool:
    try:
        return isinstance(stored, float | int) and float(text) == stored
    except ValueError:
        return False
