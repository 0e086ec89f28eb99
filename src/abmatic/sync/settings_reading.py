"""Reads a settings file: YAML, held against what exists, every problem named with its path in the file.

The whole file is judged before anything of it is used, so that a person can mend all of it at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from abmatic.audiences.conditions import check
from abmatic.audiences.fields import COMPUTED, fields
from abmatic.sync.comparing import known_zone, quiet_hours
from abmatic.sync.models import Connection, Mode, ObjectSetting
from abmatic.sync.objects import SObject, configurable

VERSION = 1
MANUAL = "manual"
ANY_HOUR = "any"
_TEXTS = ("name", "org_id", "login_url", "flow", "client_id", "username")
_SF_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_ORG_ID = re.compile(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_DEEPEST = 50
_MOST_REPEATS = 20_000


class FileRefused(Exception):
    """The file can't be used. ``problems`` names each: where in the file, what is wrong, what would be right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class MappingState:
    """One field mapping, as the file and the database have it."""

    salesforce: str
    abmatic: str
    to_abmatic: str
    to_salesforce: str
    clear_with_empty: bool


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """What the file says of one object: the settings it names, and all mappings where it names any."""

    values: dict[str, Any]  # the settings by their names in the file; JSON values
    mappings: tuple[MappingState, ...] | None


@dataclass(frozen=True, slots=True)
class ConnectionEntry:
    """What the file says of one connection. Empty texts were not given."""

    path: str
    name: str
    org_id: str
    login_url: str
    flow: str
    client_id: str
    username: str
    of_connection: dict[str, Any]  # the settings of `CONNECTION_SETTINGS` that were given
    objects: dict[str, ObjectEntry]


def read(text: str) -> list[ConnectionEntry]:
    """The connections of a settings file. Raises `FileRefused`."""
    problems: list[str] = []
    try:
        document = yaml.load(text, _Loader)  # noqa: S506  # nosec B506 - derived from SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        raise FileRefused([f"{where}: {error.problem or error.context}"]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise FileRefused([f"the file: {' '.join(str(error).split())}"]) from error
    except RecursionError as error:
        raise FileRefused(["the file: it is nested too deeply"]) from error
    entries = list(_Reader(problems).document(document))
    if problems:
        raise FileRefused(problems)
    return entries


def read_object(spec: SObject, said: object) -> ObjectEntry:
    """What a form or a program says of one object, judged as a file is. Raises `FileRefused`, paths from the object."""
    problems: list[str] = []
    entry = _Reader(problems).one_object(spec, said)
    if problems:
        raise FileRefused(problems)
    return entry


def read_mapping(spec: SObject, said: object) -> MappingState:
    """One mapping, judged as one of a file is, by itself. Raises `FileRefused`."""
    problems: list[str] = []
    mapping = _Reader(problems).one_mapping(spec, said)
    if problems:
        raise FileRefused(problems)
    return mapping


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which one would be lost without a word, and aliases without end."""

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            _require_few_repeats(node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} is there twice", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)


def _require_few_repeats(top: yaml.Node) -> None:
    """Ten lines of aliases of aliases can stand for more values than anybody can read, and one within itself for ever.

    Raises ConstructorError. Aliases that say a thing a few times are welcome.
    """
    sizes: dict[yaml.Node, int] = {}
    begun: set[yaml.Node] = set()

    def size(node: yaml.Node) -> int:
        """How many values the node stands for, aliases spelled out."""
        if node in sizes:
            return sizes[node]
        if node in begun:
            raise yaml.constructor.ConstructorError(None, None, "an alias stands within itself", node.start_mark)
        begun.add(node)
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        found = 1 + sum(size(part) for part in inner)
        if found > _MOST_REPEATS + len(begun):
            raise yaml.constructor.ConstructorError(
                None, None, f"aliases repeat more than {_MOST_REPEATS:,} values; write out what is meant",
                node.start_mark,
            )  # fmt: skip
        sizes[node] = found
        return found

    size(top)


@dataclass(slots=True)
class _Reader:
    """Turns the document into entries and collects what is wrong with it."""

    problems: list[str]
    names: set[str] = field(default_factory=set)
    org_ids: set[str] = field(default_factory=set)

    def say(self, path: str, problem: str) -> None:
        where = path.lstrip(".")
        self.problems.append(f"{where}: {problem}" if where else problem)

    # -- the parts of the file

    def document(self, document: object) -> Iterator[ConnectionEntry]:
        """The whole file."""
        top = self._mapping("", document, ("version", "connections"))
        version = top.get("version")
        if isinstance(version, bool) or version != VERSION:
            told = "is missing" if version is None else f"is {version!r}"
            self.say("version", f"{told}; this release reads version {VERSION}")
            return
        for path, item in self._items("connections", top.get("connections", [])):
            entry = self._connection(path, item)
            if entry is not None:
                yield entry

    def _connection(self, path: str, item: object) -> ConnectionEntry | None:
        known = (*_TEXTS, *CONNECTION_SETTINGS, "objects")
        given = self._mapping(path, item, known)
        texts = {name: self._text(f"{path}.{name}", given.get(name)) for name in _TEXTS}
        if not texts["name"]:
            self.say(f"{path}.name", "is missing")
        self._once(path, texts["name"], self.names, "name")
        self._once(path, texts["org_id"], self.org_ids, "org_id")
        if texts["org_id"] and not _ORG_ID.fullmatch(texts["org_id"]):
            self.say(f"{path}.org_id", f"{texts['org_id']!r} is no organization id, which begins with 00D")
        if texts["flow"] and texts["flow"] not in Connection.Flow.values:
            self.say(f"{path}.flow", _not_one_of(texts["flow"], Connection.Flow.values))
        own = {name: given[name] for name in CONNECTION_SETTINGS if given.get(name) is not None}
        for name, value in own.items():
            if problem := CONNECTION_SETTINGS[name](value):
                self.say(f"{path}.{name}", problem)
        names = {spec.name: spec for spec in configurable()}
        objects = self._mapping(f"{path}.objects", given.get("objects", {}), tuple(names))
        entries = {name: self._object(f"{path}.objects.{name}", names[name], objects[name]) for name in objects}
        return ConnectionEntry(path, of_connection=own, objects=entries, **texts) if texts["name"] else None

    def one_object(self, spec: SObject, item: object) -> ObjectEntry:
        """An object by itself: the paths of its problems begin with it."""
        return self._object("", spec, item)

    def one_mapping(self, spec: SObject, item: object) -> MappingState:
        """A mapping by itself."""
        return self._one_mapping("", mappable(spec), item)

    def _object(self, path: str, spec: SObject, item: object) -> ObjectEntry:
        given = self._mapping(path, item, (*settings_of(spec), "mappings"))
        values = {}
        for name, value in given.items():
            if name != "mappings":
                problem = SETTINGS[name].judge(value) or (check(spec.local, value) if name == "push_filter" else "")
                if problem:
                    self.say(f"{path}.{name}", problem)
                values[name] = value
        mappings = None
        if "mappings" in given:
            mappings = self._mappings(f"{path}.mappings", spec, given["mappings"])
        return ObjectEntry(values, mappings)

    def _mappings(self, path: str, spec: SObject, item: object) -> tuple[MappingState, ...]:
        mappings = []
        sf_fields: set[str] = set()
        local_fields: set[str] = set()
        offered = mappable(spec)
        for here, each in self._items(path, item):
            mapping = self._one_mapping(here, offered, each)
            self._once(here, mapping.salesforce.lower(), sf_fields, "salesforce")
            self._once(here, mapping.abmatic, local_fields, "abmatic")
            mappings.append(mapping)
        if spec.key is not None:
            kept = any((m.salesforce, m.abmatic) == (spec.key.sf_field, spec.key.local_field) for m in mappings)
            if not kept:
                self.say(
                    path,
                    f"{spec.key.sf_field} (to {spec.key.local_field}) is the primary key of {spec.name} and can't be "
                    "removed",
                )
        return tuple(mappings)

    def _one_mapping(self, path: str, offered: Sequence[str], item: object) -> MappingState:
        given = self._mapping(path, item, ("salesforce", "abmatic", "to_abmatic", "to_salesforce", "clear_with_empty"))
        sf_field = self._text(f"{path}.salesforce", given.get("salesforce"))
        local_field = self._text(f"{path}.abmatic", given.get("abmatic"))
        for name in ("salesforce", "abmatic"):
            if given.get(name) in (None, ""):
                self.say(f"{path}.{name}", "is missing")
        if sf_field and not _SF_FIELD.fullmatch(sf_field):
            self.say(f"{path}.salesforce", f"{sf_field!r} is no API name of a field")
        if local_field and local_field not in offered:
            self.say(f"{path}.abmatic", _not_one_of(local_field, offered))
        modes = {}
        # What is worked out here is written to Salesforce, or it isn't.
        is_computed = local_field in COMPUTED
        usual = (Mode.NONE, Mode.OVERWRITE) if is_computed else (Mode.OVERWRITE, Mode.FILL)
        for name, default in zip(("to_abmatic", "to_salesforce"), usual, strict=True):
            mode = given.get(name, default.value)
            if name == "to_abmatic" and is_computed and mode in Mode.values and mode != Mode.NONE:
                self.say(
                    f"{path}.{name}",
                    f"must be {Mode.NONE.value}: {local_field} is worked out from visits to your website",
                )
            if mode not in Mode.values:
                self.say(f"{path}.{name}", _not_one_of(mode, Mode.values))
            modes[name] = str(mode)
        clear = given.get("clear_with_empty", False)
        if not isinstance(clear, bool):
            self.say(f"{path}.clear_with_empty", _not_boolean(clear))
        return MappingState(sf_field, local_field, modes["to_abmatic"], modes["to_salesforce"], clear is True)

    # -- the shapes

    def _mapping(self, path: str, item: object, known: Sequence[str]) -> dict[str, Any]:
        """The keys that are known; the others are problems."""
        if not isinstance(item, dict):
            self.say(path or "the file", f"must be a mapping with {' and '.join(known)}, and is {_kind(item)}")
            return {}
        for key in item:
            if key not in known:
                self.say(f"{path}.{key}" if path else str(key), f"is not known; known are {', '.join(known)}")
        return {key: item[key] for key in known if key in item}

    def _items(self, path: str, item: object) -> Iterator[tuple[str, object]]:
        if not isinstance(item, list):
            self.say(path, f"must be a list, and is {_kind(item)}")
            return
        for number, each in enumerate(item):
            yield f"{path}[{number}]", each

    def _text(self, path: str, value: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self.say(path, f"must be text, and is {_kind(value)} (quotes make it text)")
            return ""
        if "\x00" in value:
            self.say(path, "holds a NUL character")
        return value.strip()

    def _once(self, path: str, value: str, seen: set[str], name: str) -> None:
        if value and value in seen:
            self.say(f"{path}.{name}", f"{value!r} is there twice")
        seen.add(value)


# -- the settings of an object


@dataclass(frozen=True, slots=True)
class SettingKind:
    """One setting of an object: its column, what is wrong with a value, and both ways between file and column."""

    column: str
    judge: Callable[[object], str]
    to_column: Callable[[Any], Any] = lambda value: value
    to_file: Callable[[Any], Any] = lambda value: value


def _judge_boolean(value: object) -> str:
    return "" if isinstance(value, bool) else _not_boolean(value)


def _judge_frequency(value: object) -> str:
    offered = [hours for hours in ObjectSetting.Frequency.values if hours]
    if value == MANUAL or (not isinstance(value, bool) and value in offered):
        return ""
    return f"{value!r} is no frequency: say {MANUAL}, or every how many hours ({', '.join(map(str, offered))})"


def _judge_full_compare(value: object) -> str:
    offered = ObjectSetting.FullCompare.values
    return "" if value in offered else _not_one_of(value, offered)


def _judge_ceiling(value: object) -> str:
    is_share = not isinstance(value, bool) and value in range(1, 101)
    return "" if is_share else f"{value!r} is no share: say how many per cent, 1 to 100"


def _judge_quiet_hours(value: object) -> str:
    if value == ANY_HOUR or (isinstance(value, str) and quiet_hours(value) is not None):
        return ""
    return f"{value!r} are no hours: say from when to when, such as 22-6, or {ANY_HOUR}"


def _judge_time_zone(value: object) -> str:
    if isinstance(value, str) and known_zone(value) is not None:
        return ""
    return f"{value!r} is no time zone: say one such as Europe/Vienna"


# Of a connection as a whole; the columns have the same names.
CONNECTION_SETTINGS: Mapping[str, Callable[[object], str]] = {
    "api_ceiling": _judge_ceiling,
    "quiet_hours": _judge_quiet_hours,
    "time_zone": _judge_time_zone,
    "writes_visits": _judge_boolean,
}


def _judge_policy(value: object) -> str:
    return "" if value in ObjectSetting.Policy.values else _not_one_of(value, ObjectSetting.Policy.values)


def _judge_new_people(value: object) -> str:
    known = ObjectSetting.NewPeople.values
    return "" if value in known else _not_one_of(value, known)


def _judge_filter(value: object) -> str:
    if not isinstance(value, dict):
        return f"must be a mapping, and is {_kind(value)}"
    return "" if _is_json(value) else "may hold texts, numbers, true, false, null, lists and mappings only"


def _is_json(value: object, depth: int = 0) -> bool:
    if depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(each, depth + 1) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_json(each, depth + 1) for each in value)
    try:
        # Postgres' jsonb knows neither NaN nor NUL.
        return "\\u0000" not in json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False


SETTINGS: Mapping[str, SettingKind] = {
    **{
        name: SettingKind(name, _judge_boolean)
        for name in (
            "create_in_abmatic",
            "update_in_abmatic",
            "create_in_salesforce",
            "update_in_salesforce",
            "auto_push",
        )
    },
    "frequency": SettingKind(
        "frequency",
        _judge_frequency,
        to_column=lambda value: 0 if value == MANUAL else value,
        to_file=lambda value: int(value) or MANUAL,
    ),
    "full_compare": SettingKind("full_compare", _judge_full_compare, to_file=str),
    "conflict_policy": SettingKind("policy", _judge_policy, to_file=str),
    "push_filter": SettingKind("push_filter", _judge_filter),
    "new_people": SettingKind("new_people", _judge_new_people, to_file=str),
}
# Settings that only one object has.
_ONLY = {"new_people": "Lead"}


def settings_of(spec: SObject) -> dict[str, SettingKind]:
    """The settings that the object has, by their names in a file."""
    return {name: kind for name, kind in SETTINGS.items() if _ONLY.get(name, spec.name) == spec.name}


def mappable(spec: SObject) -> list[str]:
    """The local fields that a mapping of the object may name."""
    fixed = {default.local_field for default in spec.fixed}
    return [each.name for each in fields(spec.local) if each.name not in fixed]


def _not_one_of(value: object, known: Sequence[str]) -> str:
    return f"{value!r} is not known; known are {', '.join(known)}"


def _not_boolean(value: object) -> str:
    return f"must be true or false, and is {_kind(value)}"


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "empty" if value is None else names.get(type(value), f"a {type(value).__name__}")
