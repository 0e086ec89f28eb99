"""What opportunities were before: OpportunityHistory and OpportunityFieldHistory, written with every change.

OpportunityHistory holds the whole picture after each change of stage, amount, probability, close date or forecast
category; OpportunityFieldHistory the old and new value of each tracked field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

_PICTURE = ("StageName", "Amount", "Probability", "CloseDate", "ForecastCategory")
_TRACKED = {"StageName": "DynamicEnum", "Amount": "Currency", "Probability": "Percent", "CloseDate": "DateOnly"}
"""The fields whose values are kept, and the DataType that says what they are."""
_CREATED = "created"


def opportunity_created(session: Session, opportunity_id: str, row: Values) -> None:
    _add_picture(session, opportunity_id, row)
    values: Values = {"OpportunityId": opportunity_id, "Field": _CREATED, "DataType": "Text"}
    session.add("OpportunityFieldHistory", values)


def opportunity_changed(session: Session, opportunity_id: str, before: Values, row: Values) -> None:
    """Note what a write changed, if it did. ``before`` holds all that the picture shows."""
    after = {name: row.get(name, before[name]) for name in _PICTURE}
    changed = [name for name in _PICTURE if after[name] != before[name]]
    if not changed:
        return
    _add_picture(session, opportunity_id, after)
    for name in changed:
        if name in _TRACKED:
            values = {"Field": name, "DataType": _TRACKED[name], "OldValue": before[name], "NewValue": after[name]}
            session.add("OpportunityFieldHistory", {"OpportunityId": opportunity_id, **values})


def _add_picture(session: Session, opportunity_id: str, row: Values) -> None:
    amount, probability = row.get("Amount"), row.get("Probability")
    expected = None
    if isinstance(amount, int | float) and isinstance(probability, int | float):
        expected = amount * probability / 100.0
    picture = {name: row.get(name) for name in _PICTURE}
    session.add("OpportunityHistory", {"OpportunityId": opportunity_id, **picture, "ExpectedRevenue": expected})
