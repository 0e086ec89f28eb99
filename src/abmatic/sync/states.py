"""What Salesforce says of a local record, as states that filters and rules of collections can ask about."""

from __future__ import annotations

from typing import LiteralString

from abmatic.audiences.beyond import State, offer

_MIRRORS: dict[str, tuple[LiteralString, ...]] = {
    "account": ("mirror_account",),
    "contact": ("mirror_contact", "mirror_lead"),
    "opportunity": ("mirror_opportunity",),
}
_TABLES = tuple(mirror for mirrors in _MIRRORS.values() for mirror in mirrors)
_SOBJECTS: dict[str, LiteralString] = {
    "account": "'Account'",
    "contact": "'Contact', 'Lead'",
    "opportunity": "'Opportunity'",
}


def _any(record: str, rest: LiteralString) -> LiteralString:
    """Whether one of the record's links is such."""
    tests: list[LiteralString] = [
        "EXISTS (SELECT FROM " + mirror + " AS s WHERE s.local_id = {r}.id AND " + rest + ")"
        for mirror in _MIRRORS[record]
    ]
    return " OR ".join(tests)


def _of(name: str, label: str, rest: LiteralString) -> State:
    return State(name, label, {record: _any(record, rest) for record in _MIRRORS}, _TABLES)


def offer_states() -> None:
    """Called when the program starts."""
    offer(_of("linked", "Linked with Salesforce", "s.role = 1 AND NOT s.is_deleted"))
    offer(_of("duplicate", "Has duplicates in Salesforce", "s.role = 2 AND NOT s.is_deleted"))
    offer(
        State(
            "deleted",
            "Deleted in Salesforce",
            {
                record: "(" + _any(record, "s.is_deleted") + ") AND NOT (" + _any(record, "NOT s.is_deleted") + ")"
                for record in _MIRRORS
            },
            _TABLES,
        )
    )
    offer(
        State(
            "issue",
            "Has an open issue",
            {
                record: "EXISTS (SELECT FROM issue AS i WHERE i.is_open AND i.sobject IN ("
                + names
                + ") AND i.local_id = {r}.id)"
                for record, names in _SOBJECTS.items()
            },
            ("issue",),
        )
    )
