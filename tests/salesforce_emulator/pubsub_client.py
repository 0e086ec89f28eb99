"""A subscriber of the Pub/Sub API, as the tests use it: gRPC, stubs made by protoc, Avro by fastavro.

It shares nothing with the emulator's own code but the .proto, which is compiled anew, into a pool of its own.
"""

from __future__ import annotations

import io
import json
import queue
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

import salesforce_emulator

PROTO = Path(salesforce_emulator.__file__).parent / "pubsub" / "pubsub.proto"
LATEST, EARLIEST, CUSTOM = 0, 1, 2
Message = Any
Json = dict[str, Any]


def compiled() -> descriptor_pb2.FileDescriptorSet:
    """The .proto, by protoc."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "pubsub.binpb"
        assert protoc.main(["protoc", f"-I{PROTO.parent}", f"--descriptor_set_out={target}", str(PROTO)]) == 0
        return descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())


_pool = descriptor_pool.DescriptorPool()
for _file in compiled().file:
    _pool.Add(_file)


def message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"eventbus.v1.{name}"))


class Requests:
    """The client's side of a stream: what it asks for, until it ends."""

    def __init__(self) -> None:
        self._sent: queue.Queue[Message | None] = queue.Queue()

    def put(self, request: Message | None) -> None:
        self._sent.put(request)

    def __iter__(self) -> Iterator[Message]:
        while (request := self._sent.get()) is not None:
            yield request


@dataclass
class Subscriber:
    """One subscription. ``pending`` is what the server says is still to come."""

    client: Client
    topic: str
    requests: Requests
    call: Any
    pending: int = 0
    latest: bytes = b""
    events: list[Message] = field(default_factory=list)

    def ask(self, number: int, **more: Any) -> None:
        request = message("FetchRequest")
        self.requests.put(request(topic_name=more.pop("topic_name", self.topic), num_requested=number, **more))

    def next(self) -> Message:
        """The next response."""
        response = next(self.call)
        self.pending, self.latest = response.pending_num_requested, response.latest_replay_id
        self.events.extend(response.events)
        return response

    def take(self, number: int) -> list[Json]:
        """Exactly so many events, decoded."""
        while len(self.events) < number:
            self.next()
        assert len(self.events) == number, "more events than were asked for"
        taken, self.events = self.events, []
        return [self.client.decoded(e) for e in taken]

    def refused(self) -> tuple[grpc.StatusCode, str]:
        """How the stream ends: its status, and the end of Salesforce's code."""
        try:
            for _ in self.call:
                pass
        except grpc.RpcError as error:
            return refusal(error)
        raise AssertionError("the stream ended well")

    def close(self) -> None:
        self.requests.put(None)
        self.call.cancel()


def refusal(error: Any) -> tuple[grpc.StatusCode, str]:
    trailers = dict(error.trailing_metadata())
    assert f"rpcId: {trailers['rpc-id']}" in error.details()
    return error.code(), str(trailers["error-code"]).removeprefix("sfdc.platform.eventbus.grpc.")


class Client:
    """A connection with the metadata of an org and a session."""

    def __init__(self, address: str, url: str, organization_id: str, token: str) -> None:
        self.channel = grpc.insecure_channel(address)
        self.metadata = [("accesstoken", token), ("instanceurl", url), ("tenantid", organization_id)]
        self._schemas: dict[str, Json] = {}
        self._open: list[Subscriber] = []

    def call(self, method: str, request: str, response: str, *, streamed: bool = False) -> Any:
        kind = self.channel.stream_stream if streamed else self.channel.unary_unary
        return kind(
            f"/eventbus.v1.PubSub/{method}",
            request_serializer=message(request).SerializeToString,
            response_deserializer=message(response).FromString,
        )

    def topic(self, name: str, metadata: list[tuple[str, str]] | None = None) -> Message:
        get = self.call("GetTopic", "TopicRequest", "TopicInfo")
        sent = self.metadata if metadata is None else metadata
        return get(message("TopicRequest")(topic_name=name), metadata=sent, timeout=20)

    def schema(self, schema_id: str) -> Json:
        if schema_id not in self._schemas:
            get = self.call("GetSchema", "SchemaRequest", "SchemaInfo")
            found = get(message("SchemaRequest")(schema_id=schema_id), metadata=self.metadata, timeout=20)
            assert found.schema_id == schema_id
            self._schemas[schema_id] = json.loads(found.schema_json)
        return self._schemas[schema_id]

    def subscribe(self, topic: str, number: int, preset: int = LATEST, replay_id: bytes = b"") -> Subscriber:
        requests = Requests()
        subscribe = self.call("Subscribe", "FetchRequest", "FetchResponse", streamed=True)
        made = Subscriber(self, topic, requests, subscribe(iter(requests), metadata=self.metadata, timeout=120))
        made.ask(number, replay_preset=preset, replay_id=replay_id)
        self._open.append(made)
        return made

    def decoded(self, event: Message) -> Json:
        """An event: its payload, with ``changed`` and ``nulled`` as names, and its replay id."""
        schema = self.schema(event.event.schema_id)
        payload = io.BytesIO(event.event.payload)
        read: Any = fastavro.schemaless_reader(payload, fastavro.parse_schema(json.loads(json.dumps(schema))), None)
        assert payload.read() == b"", "bytes beyond the schema"
        header = read["ChangeEventHeader"]
        return {
            **read,
            "changed": names(schema, header["changedFields"]),
            "nulled": names(schema, header["nulledFields"]),
            "replay_id": event.replay_id,
        }

    def close(self) -> None:
        for one in self._open:
            one.close()
        self.channel.close()


def names(schema: Json, bitmaps: list[str]) -> list[str]:
    """The names that bitmaps stand for: bit n of ``0x…`` is field n; ``4-0x06`` are fields within field 4."""
    found = []
    for bitmap in bitmaps:
        place, _, digits = bitmap.rpartition("-")
        fields = schema["fields"]
        prefix = ""
        if place:
            parent = fields[int(place)]
            fields, prefix = _nested(schema, parent)["fields"], f"{parent['name']}."
        assert digits.startswith("0x")
        assert len(digits) % 2 == 0
        bits = bin(int(digits, 16))[:1:-1]
        found.extend(prefix + fields[n]["name"] for n, bit in enumerate(bits) if bit == "1")
    return found


def _nested(schema: Json, parent: Json) -> Json:
    """The record in a nullable field; where it is only named, it was described before."""
    kind = parent["type"][-1]
    if isinstance(kind, dict):
        return kind
    for one in schema["fields"]:
        for described in one["type"] if isinstance(one["type"], list) else []:
            if isinstance(described, dict) and described.get("name") == kind:
                return described
    raise AssertionError(f"{kind} is described nowhere")
