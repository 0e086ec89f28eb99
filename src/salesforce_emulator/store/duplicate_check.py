"""Looking for the records that a new or changed one duplicates, and saying so as Salesforce does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salesforce_emulator.schema import SObject
from salesforce_emulator.soql.values import converter_of
from salesforce_emulator.store.change import Change
from salesforce_emulator.store.duplicates import DuplicateOptions, DuplicateRule
from salesforce_emulator.store.errors import RecordError

if TYPE_CHECKING:
    from salesforce_emulator.store.session import Session

MAX_MATCHES = 100
_CERTAIN = 100.0


def check(rules: list[DuplicateRule], session: Session, change: Change, owner: str | None) -> None:
    """Refuse a record that a rule finds to be a duplicate, unless it only alerts and the writer insists.

    :param owner: look only at the records of this user.
    :raises RecordError: DUPLICATES_DETECTED.
    """
    options = session.duplicates
    for rule in rules:
        action = rule.on_insert if change.is_new else rule.on_update
        if action == "Allow" or (action == "Alert" and options.allow_save):
            continue
        if not any(change.changes(name) for name in rule.fields):
            continue
        found = _matches(rule, session, change, owner)
        if found:
            result = _result(rule, session, change.sobject, found, allow_save=action == "Alert")
            # Salesforce misspells it, and clients rely on that.
            raise RecordError("DUPLICATES_DETECTED", rule.alert, details={"duplicateResut": result})


def _matches(rule: DuplicateRule, session: Session, change: Change, owner: str | None) -> list[str]:
    """The ids of the records that are there and match, in the order they were made."""
    sobject = change.sobject
    found: dict[str, None] = {}
    for alternative in rule.match_on:
        conditions, values = [], []
        for condition in alternative:
            conditions.append(f"{condition.sql('t.')} = ?")
            values.append(condition.key(change.after.get(condition.field)))
        if any(value is None for value in values):
            continue
        conditions.extend(_standing(sobject))
        if owner is not None:
            conditions.append('t."OwnerId" = ?')
            values.append(owner)
        own_id = change.after.get("Id", "")
        sql = f'SELECT t."Id" FROM "{sobject.name}" AS t WHERE {" AND ".join(conditions)} AND t."Id" <> ?'
        rows = session.read(f"{sql} ORDER BY t.rowid LIMIT {MAX_MATCHES}", [*values, own_id])
        found.update((str(row[0]), None) for row in rows)
    return list(found)[:MAX_MATCHES]


def _standing(sobject: SObject) -> list[str]:
    """A deleted record is no duplicate, nor is a lead that became something else."""
    names = [name for name in ("IsDeleted", "IsConverted") if name in sobject.columns]
    return [f't."{name}" = 0' for name in names]


def _result(
    rule: DuplicateRule, session: Session, sobject: SObject, found: list[str], *, allow_save: bool
) -> dict[str, object]:
    matches = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": _CERTAIN,
            "record": _record(session, sobject, record_id, session.duplicates),
        }
        for record_id in found
    ]
    return {
        "allowSave": allow_save,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": sobject.name,
        "errorMessage": rule.alert,
        "matchResults": [
            {
                "entityType": sobject.name,
                "errors": [],
                "matchEngine": rule.engine,
                "matchRecords": matches,
                "rule": rule.matching_rule,
                "size": len(matches),
                "success": True,
            }
        ],
    }


def _record(session: Session, sobject: SObject, record_id: str, options: DuplicateOptions) -> dict[str, object]:
    url = f"/services/data/v{options.version}/sobjects/{sobject.name}/{record_id}"
    record: dict[str, object] = {"attributes": {"type": sobject.name, "url": url}, "Id": record_id}
    if options.include_details:
        stored = session.fetch(sobject.name, record_id) or {}
        for field in session.seen(sobject).stored:
            convert = converter_of(field.type)
            value = stored.get(field.name)
            record[field.name] = convert(value) if convert is not None and value is not None else value
    return record
