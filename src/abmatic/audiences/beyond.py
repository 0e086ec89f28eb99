"""What a condition may ask beyond a record's own fields: further columns, memberships, relations, a search, the CRM.

=========== ==========================================================================================
word        the record
=========== ==========================================================================================
collection  is a member of the collection with this id
state       is in this state (see `offer`): what a room above knows of it, such as "linked"
account     belongs to the account with this id
contact     is an opportunity in which the contact with this id has a role, or that person's membership
opportunity is a contact who has a role in the opportunity with this id
campaign    is put down to the campaign with this id, or is a membership of it
search      holds this text in one of the fields that the search box looks into
made_by     was made by the import of a file with this id
changed_by  was there already, and was changed by the import of a file with this id
=========== ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.like import escaped
from abmatic.audiences.refusals import ConditionRefused

WORDS = frozenset({
    "collection", "state", "account", "contact", "opportunity", "campaign", "search", "made_by", "changed_by",
})  # fmt: skip
# Fields that a search looks into.
SEARCHED: dict[str, tuple[str, ...]] = {
    "account": ("name", "domain"),
    "contact": ("first_name", "last_name", "work_email", "company", "job_title"),
    "opportunity": ("name",),
    "campaign": ("name",),
    "campaign_member": ("first_name", "last_name", "work_email", "company", "job_title"),
}
# Where those fields are, if not in the record's own table; {match} is the search.
_SEARCHED_IN: dict[str, LiteralString] = {
    "campaign_member": "EXISTS (SELECT FROM contact AS p WHERE p.id = {r}.contact_id AND {match})",
}
_RELATIONS: dict[tuple[str, str], LiteralString] = {
    ("contact", "account"): "{r}.account_id = {id}",
    ("opportunity", "account"): "{r}.account_id = {id}",
    ("opportunity", "contact"): (
        "EXISTS (SELECT FROM opportunity_contact AS o WHERE o.opportunity_id = {r}.id AND o.contact_id = {id})"
    ),
    ("contact", "opportunity"): (
        "EXISTS (SELECT FROM opportunity_contact AS o WHERE o.contact_id = {r}.id AND o.opportunity_id = {id})"
    ),
    ("opportunity", "campaign"): "{r}.campaign_id = {id}",
    ("campaign_member", "campaign"): "{r}.campaign_id = {id}",
    ("campaign_member", "contact"): "{r}.contact_id = {id}",
}
# By the change log, in which an import's rows lie between its beginning and its end: few pages of a large table.
_BY_FILE: LiteralString = (
    "{r}.id IN (SELECT h.record_id FROM file_import AS f JOIN change AS h ON h.cause_id = f.cause_id "
    "AND h.record = {record} AND (h.field = '') = {made} AND h.at >= f.created_at "
    "AND h.at <= coalesce(f.finished_at, now()) + interval '1 hour' WHERE f.id = {id} AND f.record = {record})"
)
_LONGEST_SEARCH = 500


@dataclass(frozen=True, slots=True)
class Further:
    """A field that can be asked about and not edited; ``value`` is its SQL, of the record under {r}."""

    field: LocalField
    value: LiteralString

    def column(self, alias: sql.Composable) -> sql.Composed:
        """Its value of the record under an alias."""
        return sql.SQL(self.value).format(r=alias)


@dataclass(frozen=True, slots=True)
class State:
    """A state that records can be in.

    ``tests``: for each kind of record, an SQL test of the one under {r}. ``tables``: where that looks.
    """

    name: str
    label: str
    tests: Mapping[str, LiteralString]
    tables: tuple[str, ...] = ()


_OWNER = Further(
    LocalField("owner", "Owner", FieldType.TEXT), "(SELECT o.name FROM owner AS o WHERE o.id = {r}.owner_id)"
)
_TIMES = (
    Further(LocalField("created_at", "Created", FieldType.DATETIME), "{r}.created_at"),
    Further(LocalField("updated_at", "Updated", FieldType.DATETIME), "{r}.updated_at"),
)
_FURTHER: dict[str, tuple[Further, ...]] = {
    "account": (Further(LocalField("domain", "Domain", FieldType.TEXT), "{r}.domain"), _OWNER, *_TIMES),
    "contact": (Further(LocalField("kind", "Kind", FieldType.PICKLIST), "{r}.kind"), _OWNER, *_TIMES),
    "opportunity": (_OWNER, *_TIMES),
    "campaign": (_OWNER, *_TIMES),
    "campaign_member": (Further(LocalField("is_removed", "Removed", FieldType.BOOLEAN), "{r}.is_removed"), *_TIMES),
}
_STATES: dict[str, State] = {}


def offer(state: State) -> None:
    """Makes a state known, when the program starts: the room that knows of it is above this one."""
    _STATES[state.name] = state


def states(record: str) -> tuple[State, ...]:
    """The states that such records can be in."""
    return tuple(state for state in _STATES.values() if record in state.tests)


def tables() -> list[str]:
    """Every table in which a condition may look."""
    found = {"account", "contact", "opportunity", "opportunity_contact", "owner", "collection", "file_import"}
    return sorted(found.union(*(state.tables for state in _STATES.values())))


def further(record: str) -> tuple[Further, ...]:
    """The further fields of such records."""
    return _FURTHER.get(record, ())


def compiled(record: str, word: str, value: object, alias: sql.Composable, where: str) -> sql.Composed:
    """One of `WORDS` as an SQL expression. Raises `ConditionRefused`."""
    match word:
        case "collection":
            return sql.SQL(
                "EXISTS (SELECT FROM collection_member AS m WHERE m.collection_id = {} AND m.record_id = {}.id)"
            ).format(sql.Literal(_id(value, where)), alias)
        case "state":
            return _state(record, value, alias, where)
        case "search":
            return _search(record, value, alias, where)
        case "made_by" | "changed_by":
            return sql.SQL(_BY_FILE).format(
                r=alias, record=sql.Literal(record), made=sql.Literal(word == "made_by"),
                id=sql.Literal(_id(value, where)),
            )  # fmt: skip
        case _:
            relation = _RELATIONS.get((record, word))
            if relation is None:
                raise ConditionRefused(f"{where}: a record of this kind ({record}) has no {word}")
            return sql.SQL(relation).format(r=alias, id=sql.Literal(_id(value, where)))


def _id(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise ConditionRefused(f"{where} must be the number of a record")
    return value


def _state(record: str, value: object, alias: sql.Composable, where: str) -> sql.Composed:
    for state in states(record):
        if state.name == value:
            return sql.SQL("({})").format(sql.SQL(state.tests[record]).format(r=alias))
    known = ", ".join(state.name for state in states(record))
    raise ConditionRefused(f"{where}: {value!r} is no state; states are {known}")


def _search(record: str, value: object, alias: sql.Composable, where: str) -> sql.Composed:
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_SEARCH or "\x00" in value:
        raise ConditionRefused(f"{where} must be text of 1 to {_LONGEST_SEARCH} characters")
    pattern = sql.Literal(f"%{escaped(value)}%")
    elsewhere = _SEARCHED_IN.get(record)
    held_by = sql.Identifier("p") if elsewhere else alias
    texts = [sql.SQL("{}.{}").format(held_by, sql.Identifier(name)) for name in SEARCHED[record]]
    if "\n" in value:
        match = sql.SQL("({})").format(sql.SQL(" OR ").join(sql.SQL("{} ILIKE {}").format(t, pattern) for t in texts))
    else:
        # All in one: each ILIKE makes small letters of its text and of the pattern anew.
        lines = sql.SQL(" || E'\\n' || ").join(sql.SQL("coalesce({}, '')").format(t) for t in texts)
        match = sql.SQL("({} ILIKE {})").format(lines, pattern)
    return sql.SQL(elsewhere).format(r=alias, match=match) if elsewhere else match


def collections_of(condition: object) -> Iterator[int]:
    """The collections that a condition asks about."""
    if isinstance(condition, Mapping):
        asked = condition.get("collection")
        if isinstance(asked, int) and not isinstance(asked, bool) and 0 < asked < 2**63:
            yield asked
        for inner in condition.values():
            yield from collections_of(inner)
    elif isinstance(condition, list):
        for inner in condition:
            yield from collections_of(inner)
