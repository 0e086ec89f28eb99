"""An org described by a JSON file: ``--data FILE``.

::

    {
      "name": "Acme Test Org", "edition": "Enterprise Edition", "sandbox": false, "organization_id": "00DgK00000AcmeT",
      "apps": [{"client_id": "…", "client_secret": "…", "callback_urls": ["https://hub.example/callback"]}],
      "settings": {"allowance": 500, "rotate_refresh_tokens": true},
      "custom_objects": [{"name": "Thing__c", "label": "Thing", "nameField": {"kind": "autonumber"}}],
      "custom_fields": {"Account": [{"name": "Score__c", "kind": "double", "externalId": true}]},
      "users": [{"Username": "rep@acme.example", "LastName": "Rep", "Profile": "Standard User", "Password": "…"}],
      "records": {"Account": [{"@key": "a", "Name": "Acme"}], "Contact": [{"LastName": "Doe", "AccountId": "@a"}]},
      "list_views": [{"sobject": "Account", "name": "Big", "columns": ["Name"], "where": "NumberOfEmployees > 100"}],
      "faults": {"seed": 7, "rules": [{"match": {"path": "/query"}, "action": "status", "status": 503, "p": 0.05}]},
      "change_events": ["Account", "Thing__c"],
      "organization": {"FiscalYearStartMonth": 4, "UsesStartDateAsFiscalYearName": true}
    }

Everything may be left out.  ``features`` lists what the org has switched on (``"person_accounts"``, …);
``currencies`` are rates by code, as ``{"USD": 1, "EUR": 0.9}``.  :mod:`salesforce_emulator.schema.spec` says what
objects and fields can be.  Records are checked like those of a client; ``"@key"`` names one for those below it.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from salesforce_emulator.faults import FaultPlan
from salesforce_emulator.ids import is_id, to18
from salesforce_emulator.oauth.apps import App
from salesforce_emulator.reports.query import BadReport, column
from salesforce_emulator.runtime import Settings
from salesforce_emulator.schema import BASE, Customization, Field, Schema, build_schema, fiscal
from salesforce_emulator.schema.changes import apply
from salesforce_emulator.schema.currencies import corporate
from salesforce_emulator.schema.reports import Report
from salesforce_emulator.schema.views import ListView
from salesforce_emulator.soql import QueryContext, SoqlError, compile_soql
from salesforce_emulator.store import RecordError, Session
from salesforce_emulator.store.org_rules import OrgRules
from salesforce_emulator.store.reports import put_reports
from salesforce_emulator.store.settings import put_setting
from salesforce_emulator.store.views import load_standard_views, put_views
from salesforce_emulator.store.wording import BadRule

_USER_DEFAULTS = {
    "TimeZoneSidKey": "America/Los_Angeles",
    "LocaleSidKey": "en_US",
    "LanguageLocaleKey": "en_US",
    "EmailEncodingKey": "UTF-8",
    "IsActive": True,
}
_WORDS = {str: "a text", bool: "true or false", list: "a list", dict: "an object", object: "anything"}
_KEYS: dict[str, type] = {
    **dict.fromkeys(("name", "edition", "organization_id"), str),
    "sandbox": bool,
    **dict.fromkeys(("settings", "currencies", "custom_fields", "records", "sharing", "organization"), dict),
    **dict.fromkeys(("features", "change_events"), list),
    "faults": object,
}
_OF_OBJECTS = frozenset(
    {"apps", "custom_objects", "users", "permission_sets", "profiles", "validation_rules", "duplicate_rules",
     "before_save_flows", "list_views", "reports"}
)  # fmt: skip
"""Keys whose values are lists of objects; so is every value in "custom_fields" and "records"."""


class BadDataFile(ValueError):
    """The file says something that can't be followed; the message says where."""


@dataclass(frozen=True)
class DataFile:
    """What a data file says. Records and users are as written; they are checked when they are loaded."""

    name: str | None = None
    edition: str | None = None
    sandbox: bool = False
    organization_id: str | None = None
    apps: tuple[App, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    custom: Customization = field(default_factory=Customization)
    users: tuple[dict[str, Any], ...] = ()
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    validation_rules: tuple[dict[str, Any], ...] = ()
    duplicate_rules: tuple[dict[str, Any], ...] = ()
    before_save_flows: tuple[dict[str, Any], ...] = ()
    permissions: dict[str, Any] = field(default_factory=dict)
    """Those of "profiles", "permission_sets" and "sharing" that the file has."""
    faults: Any = None
    """A fault plan, checked; None where the file has none."""
    list_views: tuple[ListView, ...] = ()
    change_events: tuple[str, ...] | None = None
    reports: tuple[Report, ...] = ()
    organization: dict[str, int] = field(default_factory=dict)
    """What the organization's record says of its fiscal year."""

    @classmethod
    def read(cls, path: Path) -> DataFile:
        """Read a file.

        :raises BadDataFile: it can't be read, is no JSON, or names what nobody knows.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadDataFile(f"{path}: {error}") from error
        if not isinstance(data, dict):
            raise BadDataFile(f"{path}: a JSON object is wanted")
        try:
            _check_shape(data)
            settings = _settings(data.get("settings", {}))
            apps = tuple(App.from_json(a) for a in data.get("apps", ()))
            organization_id = org_id(data["organization_id"]) if data.get("organization_id") else None
            custom = _custom(data)
            FaultPlan().set(data.get("faults", []))
            list_views = tuple(map(ListView.from_json, data.get("list_views", ())))
            reports = tuple(map(Report.from_json, data.get("reports", ())))
            organization = _organization(data.get("organization", {}))
        except (TypeError, ValueError) as error:
            raise BadDataFile(f"{path}: {error}") from error
        return cls(
            data.get("name"),
            data.get("edition"),
            bool(data.get("sandbox")),
            organization_id,
            apps,
            settings,
            custom,
            tuple(data.get("users", ())),
            dict(data.get("records", {})),
            tuple(data.get("validation_rules", ())),
            tuple(data.get("duplicate_rules", ())),
            tuple(data.get("before_save_flows", ())),
            {key: data[key] for key in ("profiles", "permission_sets", "sharing") if key in data},
            data.get("faults"),
            list_views,
            tuple(map(str, data["change_events"])) if "change_events" in data else None,
            reports,
            organization,
        )

    def load(self, conn: sqlite3.Connection, now: str) -> None:
        """Write users and records into an org that is being made.

        :raises BadDataFile: one of them is refused.
        """
        session = Session(conn, build_schema(self.custom), now, BASE.administrator)
        self._lay_down(conn, session.schema)
        for name, value in self.organization.items():
            conn.execute(f'UPDATE "Organization" SET "{name}" = ?', (value,))
        known: dict[str, str] = {}
        for user in self.users:
            self._insert(session, "User", user, known)
        for sobject, records in self.records.items():
            if sobject not in session.schema:
                objects = ", ".join(sorted(o.name for o in session.schema if o.kept))
                raise BadDataFile(f"records: there is no object {sobject}; known are {objects}")
            for record in records:
                self._insert(session, sobject, record, known)
        self._add_views(session)

    def _add_views(self, session: Session) -> None:
        context = QueryContext(datetime.fromisoformat(session.now), BASE.administrator)
        for view in self.list_views:
            try:
                compile_soql(view.soql, session.schema, context)
            except SoqlError as error:
                raise BadDataFile(f"list view {view.developer_name}: {error.message}") from error
        load_standard_views(session.conn, session.now)
        put_views(session.conn, self.list_views, session.now)
        for report in self.reports:
            try:
                named = [*report.columns, *(str(f.get("column")) for f in report.filters)]
                for name in named:
                    column(session.schema, report, name)
            except BadReport as error:
                raise BadDataFile(f"report {report.name}: {error}") from error
        put_reports(session.conn, self.reports, session.now)

    def _lay_down(self, conn: sqlite3.Connection, schema: Schema) -> None:
        """Keep the org's own rules in its file, and make its profiles. The file's records aren't held to them."""
        rules = OrgRules(lambda _: None, lambda name, value: put_setting(conn, name, value))
        try:
            rules.put(self.validation_rules, self.duplicate_rules, schema, self.before_save_flows)
            if self.permissions:
                rules.put_permissions(self.permissions, schema, conn, datetime.now(UTC))
        except BadRule as error:
            raise BadDataFile(str(error)) from error

    def _insert(self, session: Session, sobject: str, record: dict[str, Any], known: dict[str, str]) -> None:
        said = json.dumps(record, ensure_ascii=False)
        values = {
            name: _resolved(value, known, session.schema[sobject].get(name), f"{sobject} {said}")
            for name, value in record.items()
            if name not in ("@key", "Password", "Profile")
        }
        if sobject == "User":
            values = {**_user_defaults(record), **values, "ProfileId": _profile(session, record)}
        try:
            record_id = session.insert(sobject, values)
        except RecordError as error:
            raise BadDataFile(f"{sobject} {said}: {error}") from error
        if "@key" in record:
            known[f"@{record['@key']}"] = record_id
        if sobject == "User" and "Password" in record:
            row = (record_id, str(record["Password"]))
            session.conn.execute("INSERT INTO emulator_password (user_id, password) VALUES (?, ?)", row)


def _check_shape(data: dict[str, Any]) -> None:
    """
    :raises ValueError: a key that nobody knows, or a value of another kind than the key's.
    """
    _only(data, {*_KEYS, *_OF_OBJECTS})
    for key, value in data.items():
        kind = _KEYS.get(key, list)
        if not isinstance(value, kind) and not (value is None and kind in (str, bool)):
            raise ValueError(f"{key}: {_WORDS[kind]} is wanted, not {json.dumps(value, ensure_ascii=False)[:80]}")
    lists = {key: data[key] for key in _OF_OBJECTS & set(data)}
    for key in {"custom_fields", "records"} & set(data):
        lists.update({f"{key}: {name}": value for name, value in data[key].items()})
    for where, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise ValueError(f"{where}: a list of objects is wanted")


def _only(given: dict[str, Any], known: set[str], where: str = "") -> None:
    if unknown := set(given) - known:
        raise ValueError(f"{where}unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    _only(given, {f.name for f in fields(Settings)}, "settings: ")
    checked = Settings(**given)
    return {name: getattr(checked, name) for name in given}


def _custom(data: dict[str, Any]) -> Customization:
    """What the file makes of the schema: the objects first, so that fields can refer to any of them."""
    objects = [{"action": "add_object", **made, "fields": []} for made in data.get("custom_objects", ())]
    own = {made.get("name"): made.get("fields", []) for made in data.get("custom_objects", ())}
    fields = [
        {"action": "add_field", "object": name, "field": made}
        for entries in (own, data.get("custom_fields", {}))
        for name, fields in entries.items()
        for made in fields
    ]
    currencies = dict(data.get("currencies", {}))
    if currencies:
        corporate(currencies)
    start = Customization(features=frozenset(data.get("features", ())), currencies=currencies)
    made = apply(start, [*objects, *fields], datetime.now(UTC))
    return replace(made, version=0, changed={})


def _organization(given: object) -> dict[str, int]:
    """What the file says of the organization's fiscal year.

    :raises ValueError: it says something else, or what no fiscal year can be.
    """
    if not isinstance(given, dict):
        raise ValueError("organization: a JSON object is wanted")
    if unknown := set(given) - {fiscal.START, fiscal.NAMED_BY_START}:
        raise ValueError(f"organization: unknown {', '.join(sorted(unknown))}")
    start, named = given.get(fiscal.START, 1), given.get(fiscal.NAMED_BY_START, False)
    if type(start) is not int or start not in fiscal.MONTHS:
        raise ValueError(f"organization: {fiscal.START} is {start!r}; a month from 1 to 12 is wanted")
    if not isinstance(named, bool):
        raise ValueError(f"organization: {fiscal.NAMED_BY_START} is {named!r}; true or false is wanted")
    return {fiscal.START: start, fiscal.NAMED_BY_START: int(named)}


def org_id(text: str) -> str:
    """The 18 characters of an organization's id.

    :raises ValueError: the text isn't one.
    """
    if not str(text).startswith("00D") or not is_id(str(text)):
        raise ValueError(f"{text!r} is no organization id: 15 or 18 letters and digits that begin with 00D")
    return to18(str(text))


def _resolved(value: object, known: dict[str, str], field: Field | None, where: str) -> object:
    """What a record says, with an id in place of the "@key" of a record above it.

    :raises BadDataFile: a reference to a "@key" that no record has. Other texts may begin with an @.
    """
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    if value not in known and field is not None and field.reference_to:
        keys = f"; known are {', '.join(sorted(key[1:] for key in known))}" if known else ""
        raise BadDataFile(f'{where}: {field.name}: no record has the @key "{value[1:]}" above this one{keys}')
    return known.get(value, value)


def _user_defaults(user: dict[str, Any]) -> dict[str, Any]:
    name = str(user.get("Username", "")).split("@", 1)[0]
    mail = {"Email": user.get("Username"), "Alias": name[:8], "CommunityNickname": name[:40]}
    return {**_USER_DEFAULTS, **mail}


def _profile(session: Session, user: dict[str, Any]) -> object:
    if "ProfileId" in user:
        return user["ProfileId"]
    name = str(user.get("Profile", "System Administrator"))
    row = session.conn.execute('SELECT "Id" FROM "Profile" WHERE "Name" = ?', (name,)).fetchone()
    if row is None:
        names = ", ".join(str(row[0]) for row in session.conn.execute('SELECT "Name" FROM "Profile" ORDER BY "Name"'))
        raise BadDataFile(f"user {user.get('Username')}: there is no profile {name!r}; known are {names}")
    return row[0]
