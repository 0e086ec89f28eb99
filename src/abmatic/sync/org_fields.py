"""The fields that an org offers for mapping: their labels and types, what is wrong with a mapping, and which suit.

Describe is asked when somebody looks for a field, and believed for a day; what a sync is shown is kept as well. A page
that only shows what is set never waits for Salesforce: it says what was known last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.utils import timezone

from abmatic.audiences.fields import FieldType, LocalField
from abmatic.identity import sealing
from abmatic.salesforce import Describe, Field, RetryPolicy, errors
from abmatic.sync import clients
from abmatic.sync.models import Connection, OrgFields
from abmatic.sync.objects import SObject
from abmatic.sync.pull.offers import BELIEVED
from abmatic.sync.push.plan import why_not_written

# Somebody waits for it.
_ONCE = RetryPolicy(attempts=1)
_READ_AS_TEXT = frozenset({FieldType.TEXT, FieldType.URL, FieldType.EMAIL, FieldType.PHONE, FieldType.PICKLIST})
_READ_INTO: dict[FieldType, frozenset[str]] = {
    FieldType.INTEGER: frozenset({"int", "long", "double", "currency", "percent"}),
    FieldType.NUMBER: frozenset({"int", "long", "double", "currency", "percent"}),
    FieldType.DATE: frozenset({"date", "datetime"}),
    FieldType.DATETIME: frozenset({"datetime", "date"}),
    FieldType.BOOLEAN: frozenset({"boolean"}),
}
# What a custom field for a Salesforce field of a type would be made as; anything else is text.
_MADE_AS: dict[str, FieldType] = {
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), FieldType.NUMBER),
    "date": FieldType.DATE,
    "boolean": FieldType.BOOLEAN,
    "picklist": FieldType.PICKLIST,
    "url": FieldType.URL,
}


class NotKnown(Exception):
    """The org's fields can't be asked for. The message says why, and what helps."""


@dataclass(frozen=True, slots=True)
class OrgField:
    """A field of the org that can be mapped.

    ``length``: of texts, 0 where there is no limit. ``values``: those that its picklist offers; ``restricted``: it
    takes no others. ``required``: it takes no empty value.
    """

    name: str
    label: str
    type: str
    scale: int
    createable: bool
    updateable: bool
    calculated: bool
    custom: bool
    length: int = 0
    values: tuple[str, ...] = ()
    restricted: bool = False
    required: bool = False

    @property
    def made_as(self) -> FieldType:
        """The type of a custom field that would hold its values."""
        return _MADE_AS.get(self.type, FieldType.TEXT)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an org offers, and when that was asked."""

    fields: Mapping[str, OrgField]
    at: datetime

    @property
    def is_fresh(self) -> bool:
        return timezone.now() - self.at <= BELIEVED

    def matching(self, text: str, most: int) -> tuple[list[OrgField], int]:
        """The fields whose label or API name holds the text, those that begin with it first; and how many there are."""
        wanted = text.strip().casefold()
        found = [f for f in self.fields.values() if wanted in f.label.casefold() or wanted in f.name.casefold()]
        found.sort(key=lambda f: (not _begins(f, wanted), f.label.casefold(), f.name))
        return found[:most], len(found)


def _begins(field: OrgField, wanted: str) -> bool:
    return field.label.casefold().startswith(wanted) or field.name.casefold().startswith(wanted)


def known(connection: Connection, spec: SObject) -> Offer | None:
    """What was known last; None where nobody has asked yet."""
    kept = OrgFields.objects.filter(connection=connection, sobject=spec.name).first()
    if kept is None:
        return None
    fields = [OrgField(**{**each, "values": tuple(each.get("values", ()))}) for each in kept.fields]
    return Offer({each.name: each for each in fields}, kept.at)


def offered(connection: Connection, spec: SObject, *, again: bool = False) -> Offer:
    """What the org offers: as known for a day, or (``again``) asked anew. Raises `NotKnown`."""
    kept = known(connection, spec)
    if kept is not None and kept.is_fresh and not again:
        return kept
    if connection.status == Connection.Status.INACTIVE:
        raise NotKnown(f"The connection to {connection} is disabled: reconnect it to see the org's fields.")
    try:
        with clients.open_client(connection, retry=_ONCE) as client:
            described = client.describe(spec.name)
    except errors.InvalidType as error:
        raise NotKnown(
            f"Salesforce does not show {spec.label_plural} to the connected user. Give its permission set read access "
            "to them."
        ) from error
    except errors.SalesforceError as error:
        raise NotKnown(str(error)) from error
    except sealing.SealBroken as error:
        raise NotKnown(str(error)) from error
    return keep(connection, spec, described)


def keep(connection: Connection, spec: SObject, described: Describe) -> Offer:
    """Remembers what describe showed."""
    fields = [_of(field) for field in described.fields.values() if field.in_bulk]
    at = timezone.now()
    OrgFields.objects.update_or_create(
        connection=connection, sobject=spec.name, defaults={"fields": [asdict(each) for each in fields], "at": at}
    )
    return Offer({each.name: each for each in fields}, at)


def _of(field: Field) -> OrgField:
    return OrgField(
        field.name, field.label, field.type, field.scale, field.createable, field.updateable, field.calculated,
        field.custom, field.length, tuple(each.value for each in field.picklist_values if each.active),
        field.restricted_picklist, not field.nillable and field.type != "boolean",
    )  # fmt: skip


# -- what is to be said of a mapping


def remarks(spec: SObject, sf_field: str, local: LocalField | None, offer: Offer | None, broken: str) -> Sequence[str]:
    """What somebody should know of a mapping: why it is skipped, what is never written, what can't be read."""
    if local is None:
        return [broken or "Abmatic has no such field any more. The mapping is skipped."]
    if offer is None:
        return [f"{broken}. The mapping is skipped."] if broken else []
    theirs = offer.fields.get(sf_field)
    if theirs is None:
        reason = broken or f"{spec.name} has no field {sf_field} that the connected user may read"
        return [f"{reason}. The mapping is kept and skipped; its field is never read as empty."]
    return [each for each in (_written(spec, theirs, local), _read(theirs, local)) if each]


def _written(spec: SObject, theirs: OrgField, local: LocalField) -> str:
    if theirs.calculated:
        return "A formula: Salesforce works it out, so it is read and never written."
    if not theirs.createable and not theirs.updateable:
        return "Read-only for the connected user: it is read and never written."
    if reason := why_not_written(spec, theirs.name, theirs, local):
        return f"Never written to Salesforce: {reason}"
    if not theirs.updateable:
        return "Written only when a record is created: Salesforce lets nobody change it afterwards."
    return ""


def _read(theirs: OrgField, local: LocalField) -> str:
    if local.type in _READ_AS_TEXT or theirs.type in _READ_INTO[local.type]:
        return ""
    return (
        f"{theirs.name} is a field of type {theirs.type}, and {local.label} is {local.type.value}: a value that can't "
        "be read so is left alone, and the run says which."
    )
