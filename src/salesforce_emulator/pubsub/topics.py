"""Topics: ``/data/ChangeEvents`` with the events of all captured objects, ``/data/AccountChangeEvent`` with one's."""

from __future__ import annotations

from dataclasses import dataclass, replace

from salesforce_emulator.changes import ChangeEvent, ReplayIdTooOld, ReplayIdUnknown
from salesforce_emulator.changes.payload import encoded
from salesforce_emulator.changes.schemas import event_name, event_schema
from salesforce_emulator.pubsub import wire
from salesforce_emulator.pubsub.refusals import invalid, not_found
from salesforce_emulator.schema import Schema, SObject
from salesforce_emulator.store import OrgStore

_ALL = "/data/ChangeEvents"
_REPLAY_ID_BYTES = 10
_EVENT, _PRODUCED = wire.message("ConsumerEvent"), wire.message("ProducerEvent")


@dataclass(frozen=True)
class Topic:
    """``sobject`` is empty where the topic is that of all objects."""

    name: str
    sobject: str


def topic_named(store: OrgStore, name: str, schema: Schema) -> Topic:
    """A topic that somebody asks for, of an object of this schema.

    :raises Refused: there is none of this name.
    """
    if not name.strip():
        raise invalid("topic.validation.empty", "The topic name is blank.")
    if name == _ALL:
        return Topic(name, "")
    for sobject in store.captured:
        if sobject in schema and name == f"/data/{event_name(sobject)}":
            return Topic(name, sobject)
    raise not_found("topic.not.found", f"The topic {name} was not found.")


def schema_id(store: OrgStore, topic: Topic) -> str:
    """The schema of a topic's events; empty where they have several."""
    if not topic.sobject:
        return ""
    schema = event_schema(store.schema[topic.sobject])
    store.changes.keep_schema(schema.id, schema.text)
    return schema.id


def schema_text(store: OrgStore, wanted: str) -> str:
    """A schema by its id: one that events have now, or had when they were sent.

    :raises Refused: nobody knows it.
    """
    if not wanted.strip():
        raise invalid("schema.validation.failed", "The schema ID is blank.")
    found = store.changes.kept_schema(wanted)
    if found is None:
        schemas = (event_schema(store.schema[name]) for name in store.captured if name in store.schema)
        found = next((schema.text for schema in schemas if schema.id == wanted), None)
    if found is None:
        raise not_found("schema.not.found", f"The schema {wanted} was not found.")
    return found


def message_of(store: OrgStore, event: ChangeEvent, seen: Schema) -> wire.Message | None:
    """An event as it is sent, by its object's schema of today; None where the object is gone.

    :param seen: what its receiver may see: of fields that are kept from him, and of whole objects, he isn't told.
    """
    sobject, as_seen = store.schema.get(event.sobject), seen.get(event.sobject)
    if sobject is None or as_seen is None:
        return None
    schema = event_schema(sobject)
    store.changes.keep_schema(schema.id, schema.text)
    produced = _PRODUCED(
        id=event.id, schema_id=schema.id, payload=encoded(_without_hidden(event, sobject, as_seen), schema)
    )
    return _EVENT(event=produced, replay_id=replay_id(event.number))


def _without_hidden(event: ChangeEvent, sobject: SObject, seen: SObject) -> ChangeEvent:
    hidden = {f.name for f in sobject.fields} - {f.name for f in seen.fields}
    return replace(event, values={n: v for n, v in event.values.items() if n not in hidden}) if hidden else event


# -- replay ids


def replay_id(number: int) -> bytes:
    """A position as clients keep it: opaque to them, eight bytes of number and two of nothing."""
    return number.to_bytes(8, "big") + b"\x00\x00"


def position(store: OrgStore, preset: int, given: bytes) -> int:
    """After which event a subscription begins.

    :raises Refused: one can't begin there.
    """
    if preset == wire.EARLIEST:
        return store.changes.oldest()
    if preset != wire.CUSTOM:
        return store.changes.newest()
    if not given:
        raise invalid(
            "subscription.fetch.replayid.validation.failed",
            "The Replay ID validation failed. The replay preset is CUSTOM, but there is no Replay ID.",
        )
    number = int.from_bytes(given[:8], "big")
    try:
        if len(given) != _REPLAY_ID_BYTES or any(given[8:]):
            raise ReplayIdUnknown
        store.changes.check(number)
    except ReplayIdUnknown:
        raise invalid(
            "subscription.fetch.replayid.corrupted",
            "The Replay ID validation failed. Ensure that the Replay ID is valid.",
        ) from None
    except ReplayIdTooOld:
        raise invalid(
            "subscription.fetch.replayid.validation.failed",
            "The Replay ID validation failed. The event is past its retention window.",
        ) from None
    return number
