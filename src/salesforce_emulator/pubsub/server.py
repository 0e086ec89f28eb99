"""The gRPC server of one org: plaintext, for the machine it runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import grpc

from salesforce_emulator.pubsub import access, wire
from salesforce_emulator.pubsub.refusals import Context, Refused, denied, invalid, not_found
from salesforce_emulator.pubsub.subscription import Subscription
from salesforce_emulator.pubsub.topics import schema_id, schema_text, topic_named
from salesforce_emulator.runtime import Emulator

KEEPALIVE = 270.0
"""Seconds after which a silent subscription is told that it lives."""
_STREAMS = 200
_TOPIC, _SCHEMA = wire.message("TopicInfo"), wire.message("SchemaInfo")


class PubSubServer:
    """Serves an org's change events until it is closed.

    :param port: 0 takes a free one; :attr:`port` says which.
    :param keepalive: seconds of silence after which a subscriber hears something.
    """

    def __init__(self, org: Emulator, host: str = "127.0.0.1", port: int = 0, keepalive: float = KEEPALIVE) -> None:
        self._org = org
        self._keepalive = keepalive
        self._threads = ThreadPoolExecutor(_STREAMS, "pubsub")
        options = (("grpc.so_reuseport", 0),)
        self._server = grpc.server(self._threads, options=options, maximum_concurrent_rpcs=_STREAMS)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(wire.SERVICE, self._methods()),))
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.port = int(self._server.add_insecure_port(where))
        except RuntimeError as error:
            raise OSError(f"can't listen on {where} for the Pub/Sub API: choose another with --pubsub-port") from error
        self._server.start()

    def close(self) -> None:
        """End every call."""
        self._server.stop(grace=None).wait()
        self._org.store.changes.wake()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _methods(self) -> dict[str, object]:
        single, streamed = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        made = {
            "GetTopic": (single, self._answering(self._topic), "TopicRequest"),
            "GetSchema": (single, self._answering(self._schema), "SchemaRequest"),
            "Publish": (single, self._answering(self._publish), "PublishRequest"),
            "Subscribe": (streamed, self._streaming(self._subscribe), "FetchRequest"),
            "PublishStream": (streamed, self._streaming(self._publish_stream), "PublishRequest"),
            "ManagedSubscribe": (streamed, self._streaming(self._managed), "ManagedFetchRequest"),
        }
        return {
            name: kind(method, request_deserializer=wire.parser(request), response_serializer=wire.packed)
            for name, (kind, method, request) in made.items()
        }

    # -- what every call passes

    def _answering(
        self, method: Callable[[wire.Message, str], wire.Message]
    ) -> Callable[[wire.Message, Context], wire.Message]:
        def answer(request: wire.Message, context: Context) -> wire.Message:
            rpc_id = str(uuid4())
            try:
                access.admit(self._org, context)
                return method(request, rpc_id)
            except Refused as refused:
                refused.end(context, rpc_id)

        return answer

    def _streaming(
        self, method: Callable[[Iterator[wire.Message], Context, str, str], Iterator[wire.Message]]
    ) -> Callable[[Iterator[wire.Message], Context], Iterator[wire.Message]]:
        def answer(requests: Iterator[wire.Message], context: Context) -> Iterator[wire.Message]:
            rpc_id = str(uuid4())
            try:
                yield from method(requests, context, access.admit(self._org, context), rpc_id)
            except Refused as refused:
                refused.end(context, rpc_id)

        return answer

    # -- the calls

    def _topic(self, request: wire.TopicRequest, rpc_id: str) -> wire.Message:
        store = self._org.store
        topic = topic_named(store, request.topic_name, store.schema)
        return _TOPIC(
            topic_name=topic.name,
            tenant_guid=f"core/prod/{store.organization_id}",
            can_publish=False,
            can_subscribe=True,
            schema_id=schema_id(store, topic),
            rpc_id=rpc_id,
        )

    def _schema(self, request: wire.SchemaRequest, rpc_id: str) -> wire.Message:
        text = schema_text(self._org.store, request.schema_id)
        return _SCHEMA(schema_json=text, schema_id=request.schema_id, rpc_id=rpc_id)

    def _subscribe(
        self, requests: Iterator[wire.FetchRequest], context: Context, token: str, rpc_id: str
    ) -> Iterator[wire.Message]:
        context.add_callback(self._org.store.changes.wake)
        return Subscription(self._org, context, token, rpc_id, self._keepalive).responses(requests)

    def _publish(self, request: wire.PublishRequest, rpc_id: str) -> wire.Message:
        if not request.events:
            raise invalid("publish.event.count.invalid", "The request contains no events.")
        topic = topic_named(self._org.store, request.topic_name, self._org.store.schema)
        raise denied("topic.meta.permission", f"Nobody but Salesforce publishes to the topic {topic.name}.")

    def _publish_stream(
        self, requests: Iterator[wire.PublishRequest], context: Context, token: str, rpc_id: str
    ) -> Iterator[wire.Message]:
        for request in requests:
            yield self._publish(request, rpc_id)

    def _managed(
        self, requests: Iterator[wire.ManagedFetchRequest], context: Context, token: str, rpc_id: str
    ) -> Iterator[wire.Message]:
        for request in requests:
            if bool(request.subscription_id) == bool(request.developer_name):
                raise invalid(
                    "managed.subscription.id.or.developer.name.empty",
                    "Provide either the subscription ID or the developer name of a managed subscription.",
                )
            named = "subscription.id" if request.subscription_id else "developer.name"
            given = request.subscription_id or request.developer_name
            raise not_found(
                f"managed.subscription.{named}.not.found",
                f"This org has no managed event subscription {given}. Use Subscribe.",
            )
        yield from ()
