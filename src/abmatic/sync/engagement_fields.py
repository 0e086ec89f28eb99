"""Fields of the org that engagement is written to: what they are best called, whether they are there, how to make them.

They are custom fields that an administrator of the org makes; a mapping to another field is as good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from abmatic.audiences.fields import ENGAGEMENT
from abmatic.sync.objects import SObject
from abmatic.sync.org_fields import Offer

# By local field: the API name, and what to choose in Setup.
_SUGGESTED = {
    "engagement_score": ("Abmatic_Engagement_Score__c", "Number, length 3, decimal places 0"),
    "engagement_temperature": ("Abmatic_Engagement__c", "Text, length 10"),
    "last_visit_on": ("Abmatic_Last_Visit__c", "Date"),
    "first_channel": ("Abmatic_First_Channel__c", "Text, length 40"),
    "first_campaign": ("Abmatic_First_Campaign__c", "Text, length 255"),
}
_RECORDS = frozenset({"account", "contact"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A field for one local field. ``state``: mapped already, in the org, not in it, or the org wasn't asked yet."""

    local: str
    label: str
    sf_field: str
    made_as: str
    state: Literal["mapped", "there", "missing", "unknown"]

    @property
    def made_name(self) -> str:
        """What is typed as its name in Setup, which adds the ending."""
        return self.sf_field.removesuffix("__c")


def suggestions(spec: SObject, offer: Offer | None, mapped: Collection[str]) -> Iterator[Suggestion]:
    """What is suggested for an object. ``mapped``: the local fields that are mapped already."""
    if spec.local not in _RECORDS:
        return
    for field in ENGAGEMENT:
        sf_field, made_as = _SUGGESTED[field.name]
        yield Suggestion(field.name, field.label, sf_field, made_as, _state(field.name, sf_field, offer, mapped))


def _state(
    local: str, sf_field: str, offer: Offer | None, mapped: Collection[str]
) -> Literal["mapped", "there", "missing", "unknown"]:
    if local in mapped:
        return "mapped"
    if offer is None:
        return "unknown"
    return "there" if sf_field in offer.fields else "missing"
