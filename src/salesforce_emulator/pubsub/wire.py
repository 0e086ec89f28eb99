"""The messages of the Pub/Sub API.

Their classes are made from ``pubsub.binpb`` in a pool of descriptors of their own: in a test's process, the client may
have registered the package ``eventbus.v1`` already, and nobody may do that twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any, Protocol

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "eventbus.v1.PubSub"
LATEST, EARLIEST, CUSTOM = 0, 1, 2

Message = Any
"""A message; its class is made while the program runs, so that nothing is known of it before."""


class TopicRequest(Protocol):
    topic_name: str


class SchemaRequest(Protocol):
    schema_id: str


class FetchRequest(Protocol):
    topic_name: str
    replay_preset: int
    replay_id: bytes
    num_requested: int


class ManagedFetchRequest(Protocol):
    subscription_id: str
    developer_name: str


class PublishRequest(Protocol):
    topic_name: str
    events: Sequence[Message]


def _pool() -> descriptor_pool.DescriptorPool:
    packed = (resources.files("salesforce_emulator") / "pubsub" / "pubsub.binpb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(packed).file:
        pool.Add(file)
    return pool


_POOL = _pool()


def message(name: str) -> type[Message]:
    """The class of a message."""
    made: type[Message] = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"eventbus.v1.{name}"))
    return made


def parser(name: str) -> Callable[[bytes], Message]:
    """Reads a message."""
    read: Callable[[bytes], Message] = message(name).FromString
    return read


def packed(sent: Message) -> bytes:
    """Writes a message."""
    data: bytes = sent.SerializeToString()
    return data
