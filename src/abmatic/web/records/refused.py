"""What could not be written of a record: said at the head of its page, and at the fields concerned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from abmatic.audiences.fields import fields
from abmatic.sync import issues, linking
from abmatic.sync.linking import Namesake
from abmatic.sync.models import FieldMapping, Issue
from abmatic.sync.refusals import Refusal, refusal
from abmatic.web.running import object_label


@dataclass(frozen=True, slots=True)
class Refused:
    """An open issue of the record. ``local_fields``: those here that it names; ``url``: the issue among the others.

    ``namesakes``: the records in Salesforce that it may be, and can be linked with.
    ``is_said``: Salesforce itself refused it; else it was held back, knowing that Salesforce would.
    """

    issue: Issue
    refusal: Refusal
    label: str
    url: str
    labels: Sequence[str]
    local_fields: Sequence[str]
    namesakes: Sequence[Namesake] = ()

    @property
    def is_said(self) -> bool:
        return bool(self.issue.message)

    @property
    def words(self) -> str:
        """What stands at a field that it names."""
        verb = "Refused by Salesforce" if self.is_said else "Not written to Salesforce"
        return f"{verb}: {self.refusal.label}"


def refused(record: str, local_id: int) -> list[Refused]:
    """Every open issue of a record, the last met first; one query, and two more where there are any."""
    found = issues.of_record(record, local_id)
    if not found:
        return []
    mapped = _mapped(found)
    labels = {each.name: each.label for each in fields(record)}
    return [_shown(each, mapped, labels) for each in found]


def by_field(found: Sequence[Refused]) -> dict[str, list[Refused]]:
    """Of each field here what was refused because of it."""
    told: dict[str, list[Refused]] = {}
    for each in found:
        for name in each.local_fields:
            told.setdefault(name, []).append(each)
    return told


def _mapped(found: Sequence[Issue]) -> dict[tuple[int, str, str], str]:
    """Local fields by connection, object and Salesforce field."""
    mappings = FieldMapping.objects.filter(
        setting__connection__in={each.connection_id for each in found},
        setting__sobject__in={each.sobject for each in found},
        sf_field__in={name for each in found for name in _named(each)},
    )
    rows = mappings.values_list("setting__connection_id", "setting__sobject", "sf_field", "local_field")
    return {(connection, sobject, theirs): ours for connection, sobject, theirs, ours in rows}


def _named(issue: Issue) -> list[str]:
    """The Salesforce fields that an issue names: of a validation rule there may be none."""
    return list(dict.fromkeys([*([issue.field] if issue.field else []), *issue.fields]))


def _shown(issue: Issue, mapped: Mapping[tuple[int, str, str], str], labels: Mapping[str, str]) -> Refused:
    named = _named(issue)
    ours = {name: mapped.get((issue.connection_id, issue.sobject, name), "") for name in named}
    address = reverse("issues", args=[issue.connection_id])
    return Refused(
        issue,
        refusal(issue.code),
        object_label(issue.sobject),
        f"{address}?object={issue.sobject}&record={issue.local_id}",
        [labels.get(ours[name], name) for name in named],
        [ours[name] for name in named if ours[name]],
        linking.namesakes(issue),
    )
