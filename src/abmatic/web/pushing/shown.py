"""Samples of a preview of a push, as the pages draw them."""

from __future__ import annotations

from abmatic.sync.refusals import refusal
from abmatic.sync.selected.results import Line
from abmatic.web.salesforce.syncing import FieldChange, SampleShown


def samples(line: Line) -> list[SampleShown]:
    """The samples of one line: of a record that is held back, what it lacks."""
    return [
        SampleShown(
            each["name"],
            each["sf_id"] or "",
            " ".join(filter(None, (refusal(each["code"]).label, ", ".join(each["fields"])))) if each["code"] else "",
            [FieldChange(name, sides["before"], sides["after"]) for name, sides in each["fields"].items() if sides],
        )
        for each in line.samples
    ]
