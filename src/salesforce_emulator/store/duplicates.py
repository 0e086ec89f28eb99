"""Duplicate rules: a record that matches one that is there isn't saved, or only when its writer insists.

::

    {"object": "Contact", "fullName": "Contacts_DR", "matchingRule": "Contact_MR", "isActive": true,
     "actionOnInsert": "Alert", "actionOnUpdate": "Block", "alertText": "Use one of these records?",
     "matchOn": [[{"field": "Email", "method": "Exact"}],
                 [{"field": "LastName", "method": "Name"}, {"field": "Phone", "method": "Phone"}]]}

An action is Alert (may be saved on request), Block or Allow.  One of the lists of ``matchOn`` has to hold, with all its
fields; an empty field matches nothing.  Methods: Exact, CompanyName, Domain (of an e-mail or web address), Phone, Name.
``{"standard": "Lead"}`` is much like the rule that a new org has for accounts, contacts or leads.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from salesforce_emulator.schema import Schema, SObject
from salesforce_emulator.store.matching import EXACT, FUNCTION, METHODS, match_key
from salesforce_emulator.store.wording import BadRule, Json, flag, known_object, only, text

ACTIONS = ("Alert", "Block", "Allow")
_KEYS = ("object", "fullName", "matchingRule", "isActive", "actionOnInsert", "actionOnUpdate", "alertText", "matchOn")
_BLOCKED = "You're creating a duplicate record. We recommend you use an existing record instead."
_STANDARD_TEXT = "Use one of these records?"
_PERSON = [("FirstName", "Name"), ("LastName", "Name")]
_STANDARD: dict[str, list[list[tuple[str, str]]]] = {
    "Account": [
        [("Name", "CompanyName"), ("Website", "Domain")],
        [("Name", "CompanyName"), ("Phone", "Phone")],
        [("Name", "CompanyName"), ("BillingCity", "Name"), ("BillingStreet", "Name")],
    ],
    "Contact": [[*_PERSON, ("Email", EXACT)], [*_PERSON, ("Phone", "Phone")], [*_PERSON, ("AccountId", EXACT)]],
    "Lead": [[*_PERSON, ("Email", EXACT)], [*_PERSON, ("Phone", "Phone")], [*_PERSON, ("Company", "CompanyName")]],
}


@dataclass(frozen=True)
class Condition:
    field: str
    method: str

    def sql(self, alias: str) -> str:
        column = f'{alias}"{self.field}"'
        return column if self.method == EXACT else f"{FUNCTION}('{self.method}', {column})"

    def key(self, value: object) -> object:
        return value if self.method == EXACT else match_key(self.method, value)


@dataclass(frozen=True)
class DuplicateRule:
    sobject: str
    name: str
    matching_rule: str
    active: bool
    on_insert: str
    on_update: str
    alert: str
    match_on: tuple[tuple[Condition, ...], ...]

    @property
    def engine(self) -> str:
        exact = all(c.method == EXACT for alternative in self.match_on for c in alternative)
        return "ExactMatchEngine" if exact else "FuzzyMatchEngine"

    @property
    def fields(self) -> set[str]:
        return {c.field for alternative in self.match_on for c in alternative}

    def to_json(self) -> dict[str, object]:
        return {
            "object": self.sobject,
            "fullName": self.name,
            "matchingRule": self.matching_rule,
            "isActive": self.active,
            "actionOnInsert": self.on_insert,
            "actionOnUpdate": self.on_update,
            "alertText": self.alert,
            "matchOn": [[{"field": c.field, "method": c.method} for c in a] for a in self.match_on],
        }


@dataclass(frozen=True)
class DuplicateOptions:
    """What a writer wants of duplicate rules.

    :param allow_save: save in spite of an alert.
    :param include_details: tell all fields of the records that match.
    :param as_current_user: look only at records that the user sees.
    :param version: of the API, for the URLs of the records.
    """

    allow_save: bool = False
    include_details: bool = False
    as_current_user: bool = False
    version: str = "67.0"


NOTHING_ASKED = DuplicateOptions()


def read_duplicate_rule(given: Json, schema: Schema) -> DuplicateRule:
    """Read a rule and check it against the org's objects.

    :raises BadRule: it says something that can't be followed.
    """
    if "standard" in given:
        return _standard(given)
    where = f"duplicate rule {given.get('fullName', '?')}"
    only(given, _KEYS, where)
    sobject, name = known_object(given, schema, where), text(given, "fullName", where)
    actions = [given.get(key, "Alert") for key in ("actionOnInsert", "actionOnUpdate")]
    if wrong := [a for a in actions if a not in ACTIONS]:
        raise BadRule(f"{where}: an action is {', '.join(ACTIONS)}, not {wrong[0]!r}")
    blocks = "Block" in actions
    alert = given.get("alertText") or (_BLOCKED if blocks else _STANDARD_TEXT)
    return DuplicateRule(
        sobject.name,
        name,
        str(given.get("matchingRule") or f"{name}_Match_Rule"),
        flag(given, "isActive", where, default=True),
        str(actions[0]),
        str(actions[1]),
        str(alert),
        _match_on(given, sobject, where),
    )


def kept_rule(json: Json) -> DuplicateRule:
    """A rule as it was kept."""
    match_on = tuple(tuple(Condition(c["field"], c["method"]) for c in a) for a in json["matchOn"])
    return DuplicateRule(
        json["object"],
        json["fullName"],
        json["matchingRule"],
        json["isActive"],
        json["actionOnInsert"],
        json["actionOnUpdate"],
        json["alertText"],
        match_on,
    )


def _match_on(given: Json, sobject: SObject, where: str) -> tuple[tuple[Condition, ...], ...]:
    found = given.get("matchOn")
    if not isinstance(found, list) or not found or not all(isinstance(a, list) and a for a in found):
        raise BadRule(f"{where}: matchOn is a list of lists of fields")
    return tuple(tuple(_condition(c, sobject, where) for c in alternative) for alternative in found)


def _condition(given: Any, sobject: SObject, where: str) -> Condition:
    if not isinstance(given, dict):
        raise BadRule(f'{where}: matchOn holds fields such as {{"field": "Email", "method": "Exact"}}')
    only(given, ("field", "method"), where)
    known = sobject.get(text(given, "field", where))
    if known is None or not known.stored:
        raise BadRule(f"{where}: {given['field']} is no field of {sobject.name} that records are matched by")
    method = given.get("method", EXACT)
    if method not in (EXACT, *METHODS):
        raise BadRule(f"{where}: a method is {', '.join((EXACT, *METHODS))}, not {method!r}")
    return Condition(known.name, method)


def _standard(given: Json) -> DuplicateRule:
    only(given, ("standard", "isActive"), "duplicate rule")
    name = str(given["standard"])
    if name not in _STANDARD:
        raise BadRule(f"duplicate rule: there is a standard rule for {', '.join(_STANDARD)}, not for {name}")
    match_on = tuple(tuple(Condition(*c) for c in alternative) for alternative in _STANDARD[name])
    return DuplicateRule(
        name,
        f"Standard_{name}_Duplicate_Rule",
        f"Standard_{name}_Match_Rule_v1_0",
        flag(given, "isActive", "duplicate rule", default=True),
        "Alert",
        "Alert",
        _STANDARD_TEXT,
        match_on,
    )


class DuplicateRules:
    """The duplicate rules of an org. Thread-safe: a change makes another dictionary."""

    def __init__(self, rules: Iterable[DuplicateRule] = ()) -> None:
        self._lock = threading.Lock()
        self._rules = {(r.sobject, r.name.lower()): r for r in rules}

    def all(self) -> list[DuplicateRule]:
        return list(self._rules.values())

    def put(self, rules: Iterable[DuplicateRule]) -> None:
        """Add rules; one that has the object and the name of another takes its place."""
        with self._lock:
            self._rules = {**self._rules, **{(r.sobject, r.name.lower()): r for r in rules}}

    def remove(self, sobject: str = "", name: str = "") -> int:
        """Remove the rules of an object, one of them, or all; how many they were."""
        with self._lock:
            kept = {
                key: rule
                for key, rule in self._rules.items()
                if (sobject and key[0].lower() != sobject.lower()) or (name and key[1] != name.lower())
            }
            removed = len(self._rules) - len(kept)
            self._rules = kept
            return removed

    def of(self, sobject: str) -> list[DuplicateRule]:
        return [rule for (name, _), rule in self._rules.items() if name == sobject and rule.active]


# -- the tables' part


def index(conn: sqlite3.Connection, rules: Iterable[DuplicateRule], schema: Schema) -> None:
    """Index what rules match by, and nothing else: an org without rules pays for none."""
    wanted = {
        f"duplicates {rule.sobject} {c.field} {c.method}": (rule.sobject, c.sql(""))
        for rule in rules
        if rule.active and rule.sobject in schema
        for alternative in rule.match_on
        for c in alternative
        if schema[rule.sobject].get(c.field) is not None
    }
    there = conn.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'duplicates %'").fetchall()
    for (name,) in there:
        if name not in wanted:
            conn.execute(f'DROP INDEX "{name}"')
    for name, (table, expression) in wanted.items():
        conn.execute(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{table}" ({expression})')
