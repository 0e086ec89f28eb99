"""Settings as a file: connections without secrets, object settings, mappings, filters, frequencies.

An export holds everything that a person can set. An import changes what the file names and leaves the rest: objects
and settings it doesn't mention stay, and a connection is never removed. Where an object's mappings are listed, the
list is the whole of them. How an existing connection signs in is changed by reconnecting it, not by a file.
A connection that isn't here yet is added as disabled: authorising it brings the secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import yaml
from django.db import transaction

from abmatic.identity import sealing
from abmatic.identity.models import SealedSecret
from abmatic.salesforce import errors
from abmatic.sync import clients, settings_fields
from abmatic.sync.connect import add_default_settings
from abmatic.sync.models import Connection, FieldMapping, Mode, ObjectSetting
from abmatic.sync.objects import SObject, configurable
from abmatic.sync.settings_history import COMMAND_LINE, Author, Difference, note
from abmatic.sync.settings_reading import (
    CONNECTION_SETTINGS,
    SETTINGS,
    VERSION,
    ConnectionEntry,
    FileRefused,
    MappingState,
    ObjectEntry,
    read,
    settings_of,
)

_SIGN_IN = {"login_url": "login_url", "flow": "flow", "client_id": "client_id", "username": "jwt_username"}
_HEAD = """\
# Settings of Abmatic. Secrets are not in it. Read it back with: abmatic settings import FILE
# Modes: none, fill, overwrite. Frequency: manual, or every 1, 6, 12 or 24 hours. Conflict policy: recent, salesforce,
# abmatic. API ceiling: per cent of the org's API calls of a day above which nothing starts by itself.
"""


class PlanOutdated(Exception):
    """The settings were changed between showing a plan and applying it."""

    def __init__(self) -> None:
        super().__init__("The settings were changed meanwhile, so nothing was applied. Import the file again")


@dataclass(frozen=True, slots=True)
class ObjectState:
    """What is set for an object now."""

    values: dict[str, Any]
    mappings: tuple[MappingState, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do: ``differences`` in the order of the file, and what a person should know besides."""

    entries: tuple[ConnectionEntry, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """How many of each kind."""
        counts = {kind: sum(d.kind == kind for d in self.differences) for kind in ("added", "changed", "removed")}
        return ", ".join(f"{n} {kind}" for kind, n in counts.items() if n) or "no changes"

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"changes": [asdict(each) for each in self.differences], "notes": list(self.notes)}

    def hints(self) -> list[str]:
        """What to do once it is applied."""
        hints = []
        if any(" › " not in each.where and each.kind == "added" for each in self.differences):
            hints.append("A new connection is disabled until it is authorised: abmatic connect, or its page")
        if any("mapping" in each.where or "_in_abmatic" in each.where for each in self.differences):
            hints.append("Where an import may now write more than before, the next sync reads every record again")
        return hints

    def apply(self, by: Author = COMMAND_LINE) -> None:
        """Does it, all or nothing, and keeps who did. Raises `PlanOutdated`."""
        with transaction.atomic():
            list(ObjectSetting.objects.select_for_update().order_by("id"))
            if _compare(self.entries)[0] != list(self.differences):
                raise PlanOutdated
            for entry in self.entries:
                _apply(entry, by)


# -- export


def export_yaml(*only: Connection) -> str:
    """Every connection (or only those named) and what is set for it, as YAML."""
    connections = [_connection_as_dict(each) for each in only or Connection.objects.order_by("id")]
    document = {"version": VERSION, "connections": connections}
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _connection_as_dict(connection: Connection) -> dict[str, Any]:
    signs_in = {name: getattr(connection, column) for name, column in _SIGN_IN.items()}
    facts = {"name": connection.name, "org_id": connection.org_id, **signs_in}
    return {
        **{name: str(value) for name, value in facts.items() if value},
        **{name: value for name in CONNECTION_SETTINGS if (value := getattr(connection, name))},
        "objects": {spec.name: _object_as_dict(state_of(connection, spec)) for spec in configurable()},
    }


def _object_as_dict(state: ObjectState) -> dict[str, Any]:
    return {**state.values, "mappings": [asdict(mapping) for mapping in state.mappings]}


# -- what is set now


def state_of(connection: Connection | None, spec: SObject) -> ObjectState:
    """What is set, or what a new connection begins with."""
    setting = None
    if connection is not None:
        setting = ObjectSetting.objects.filter(connection=connection, sobject=spec.name).first()
    values = {
        name: kind.to_file(getattr(setting or ObjectSetting(), kind.column)) for name, kind in settings_of(spec).items()
    }
    if setting is None:
        defaults = (
            MappingState(d.sf_field, d.local_field, Mode.OVERWRITE.value, Mode.FILL.value, clear_with_empty=False)
            for d in spec.defaults
        )
        return ObjectState(values, tuple(defaults))
    mappings = (
        MappingState(m.sf_field, m.local_field, m.to_abmatic, m.to_salesforce, m.clear_with_empty)
        for m in setting.mappings.all()
    )
    return ObjectState(values, tuple(mappings))


# -- plan


def plan_import(text: str) -> Plan:
    """What importing the file would do. Raises `FileRefused`."""
    entries = read(text)
    problems = list(_clashes(entries))
    if problems:
        raise FileRefused(problems)
    differences, notes = _compare(entries)
    return Plan(tuple(entries), tuple(differences), (*notes, *_field_notes(entries)))


def _field_notes(entries: Sequence[ConnectionEntry]) -> Iterator[str]:
    """What is to be said of fields that are mapped anew. Not part of comparing, which is done again when applying."""
    for entry in entries:
        connection = connection_of(entry)
        if connection is None:  # has no org yet to ask
            continue
        added: dict[str, list[str]] = {}
        for spec in configurable():
            wanted = entry.objects[spec.name].mappings if spec.name in entry.objects else None
            now = {mapping.salesforce for mapping in state_of(connection, spec).mappings}
            fresh = [mapping.salesforce for mapping in wanted or () if mapping.salesforce not in now]
            if fresh:
                added[spec.name] = fresh
        yield from settings_fields.notes(connection, added)


def connection_of(entry: ConnectionEntry) -> Connection | None:
    """The connection an entry means: of that org, or (where one of them has no org yet) of that name."""
    if entry.org_id:
        # An Id of 15 characters and one of 18 name the same org.
        found = Connection.objects.filter(org_id__startswith=entry.org_id[:15]).first()
        if found is not None:
            return found
        return Connection.objects.filter(name=entry.name, org_id="").first()
    return Connection.objects.filter(name=entry.name).first()


def _clashes(entries: Sequence[ConnectionEntry]) -> Iterator[str]:
    """Problems that only the database shows."""
    found: dict[int, str] = {}
    for entry in entries:
        connection = connection_of(entry)
        holder = Connection.objects.filter(name=entry.name).first()
        if holder is not None and (connection is None or holder.pk != connection.pk):
            yield f"{entry.path}.name: {entry.name!r} is the name of a connection to another org ({holder.org_id})"
        if connection is None:
            yield from _unfit_for_a_new_one(entry)
        elif connection.pk in found:
            yield f"{entry.path}: is the same connection as {found[connection.pk]}"
        else:
            found[connection.pk] = entry.path


def _unfit_for_a_new_one(entry: ConnectionEntry) -> Iterator[str]:
    for name in ("login_url", "flow", "client_id"):
        if not getattr(entry, name):
            yield f"{entry.path}.{name}: is missing, and the connection isn't here yet"
    if entry.login_url:
        try:
            clients.login_hosts().login(entry.login_url)
        except errors.HostRefused as error:
            yield f"{entry.path}.login_url: {error}"


def _compare(entries: Sequence[ConnectionEntry]) -> tuple[list[Difference], list[str]]:
    differences: list[Difference] = []
    notes: list[str] = []
    for entry in entries:
        connection = connection_of(entry)
        if connection is None:
            differences.append(Difference("added", entry.name, None, f"{entry.flow} at {entry.login_url}"))
        else:
            if connection.name != entry.name:
                differences.append(Difference("changed", f"{connection.name} › name", connection.name, entry.name))
            notes += _sign_in_notes(entry, connection)
        for name, value in entry.of_connection.items():
            now = getattr(connection or Connection(), name)
            if value != now:
                differences.append(Difference("changed", f"{entry.name} › {name}", now, value))
        for spec in configurable():
            if spec.name in entry.objects:
                state = state_of(connection, spec)
                within = f"{entry.name} › {spec.name} › "
                differences += object_differences(state, entry.objects[spec.name], within)
    return differences, notes


def _sign_in_notes(entry: ConnectionEntry, connection: Connection) -> Iterator[str]:
    other = [
        name
        for name, column in _SIGN_IN.items()
        if getattr(entry, name) and getattr(entry, name) != getattr(connection, column)
    ]
    if other:
        yield (
            f"{entry.name}: {' and '.join(other)} stay as set here, not as in the file: how a connection signs in is "
            "changed by reconnecting it"
        )


def object_differences(state: ObjectState, entry: ObjectEntry, within: str = "") -> Iterator[Difference]:
    """What would change of an object; ``within`` is put before the name of each thing."""
    for name, value in entry.values.items():
        if value != state.values[name]:
            yield Difference("changed", f"{within}{name}", state.values[name], value)
    if entry.mappings is None:
        return
    now = {mapping.salesforce: mapping for mapping in state.mappings}
    wanted = {mapping.salesforce: mapping for mapping in entry.mappings}
    for sf_field, mapping in wanted.items():
        if sf_field not in now:
            yield Difference("added", f"{within}mapping {sf_field}", None, _told(mapping))
        else:
            yield from _mapping_differences(f"{within}mapping {sf_field}", now[sf_field], mapping)
    for sf_field, mapping in now.items():
        if sf_field not in wanted:
            yield Difference("removed", f"{within}mapping {sf_field}", _told(mapping), None)
    before, after = ([name for name in order if name in now and name in wanted] for order in (now, wanted))
    if before != after:
        yield Difference("changed", f"{within}order of mappings", before, after)


def _mapping_differences(where: str, now: MappingState, wanted: MappingState) -> Iterator[Difference]:
    for name in ("abmatic", "to_abmatic", "to_salesforce", "clear_with_empty"):
        before, after = getattr(now, name), getattr(wanted, name)
        if before != after:
            yield Difference("changed", f"{where} › {name}", before, after)


def _told(mapping: MappingState) -> str:
    clear = ", clear with empty values" if mapping.clear_with_empty else ""
    return f"{mapping.abmatic} (to Abmatic {mapping.to_abmatic}, to Salesforce {mapping.to_salesforce}{clear})"


# -- apply


def _apply(entry: ConnectionEntry, by: Author) -> None:
    found = connection_of(entry)
    connection = found or _new_connection(entry)
    itself = [] if found else [Difference("added", "connection", None, entry.name)]
    if connection.name != entry.name:
        itself.append(Difference("changed", "name", connection.name, entry.name))
        connection.name = entry.name
        connection.save(update_fields=["name", "updated_at"])
    for name, value in entry.of_connection.items():
        if value != getattr(connection, name):
            itself.append(Difference("changed", name, getattr(connection, name), value))
    if entry.of_connection:
        Connection.objects.filter(pk=connection.pk).update(**entry.of_connection)
    note(connection, "", itself, by)
    add_default_settings(connection)
    for spec in configurable():
        if spec.name in entry.objects:
            apply_object(connection, spec, entry.objects[spec.name], by)


def _new_connection(entry: ConnectionEntry) -> Connection:
    """Without tokens, so disabled; it keeps its org's id, so that authorising another org is noticed."""
    return Connection.objects.create(
        name=entry.name,
        org_id=entry.org_id,
        login_url=entry.login_url,
        flow=entry.flow,
        client_id=entry.client_id,
        jwt_username=entry.username,
        status=Connection.Status.INACTIVE,
        secret=SealedSecret.objects.create(sealed=sealing.seal({})),
    )


def apply_object(connection: Connection, spec: SObject, said: ObjectEntry, by: Author) -> None:
    """Sets what is said of an object, and keeps who did. The transaction is the caller's."""
    note(connection, spec.name, object_differences(state_of(connection, spec), said), by)
    setting = ObjectSetting.objects.get(connection=connection, sobject=spec.name)
    columns: Mapping[str, Any] = {SETTINGS[name].column: SETTINGS[name].to_column(v) for name, v in said.values.items()}
    if columns:
        ObjectSetting.objects.filter(pk=setting.pk).update(**columns)
    if said.mappings is not None:
        _apply_mappings(setting, spec, said.mappings)


def _apply_mappings(setting: ObjectSetting, spec: SObject, wanted: Sequence[MappingState]) -> None:
    """Mappings that stay keep their row, and what is known of it; a local field can change hands in one go."""
    targets = {mapping.salesforce: mapping.abmatic for mapping in wanted}
    kept: dict[str, FieldMapping] = {}
    gone = []
    for mapping in setting.mappings.all():
        if targets.get(mapping.sf_field) == mapping.local_field:
            kept[mapping.sf_field] = mapping
        else:
            gone.append(mapping.pk)
    FieldMapping.objects.filter(pk__in=gone).delete()
    added, changed = [], []
    for position, said in enumerate(wanted):
        columns = {
            "to_abmatic": said.to_abmatic,
            "to_salesforce": said.to_salesforce,
            "clear_with_empty": said.clear_with_empty,
            "is_key": spec.key is not None and said.salesforce == spec.key.sf_field,
            "position": position,
        }
        found = kept.get(said.salesforce)
        if found is None:
            added.append(FieldMapping(setting=setting, sf_field=said.salesforce, local_field=said.abmatic, **columns))
        elif any(getattr(found, name) != value for name, value in columns.items()):
            for name, value in columns.items():
                setattr(found, name, value)
            changed.append(found)
    FieldMapping.objects.bulk_create(added)
    FieldMapping.objects.bulk_update(changed, ["to_abmatic", "to_salesforce", "clear_with_empty", "is_key", "position"])
