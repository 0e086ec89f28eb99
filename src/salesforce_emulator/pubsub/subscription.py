"""One subscription: requests come in a thread of their own, answers are made in the call's.

Flow control is the client's: it says how many more events it takes, and never gets more.  While nothing happens it is
told now and then which position is the newest, so that it can come back to one that is young.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import grpc

from salesforce_emulator.pubsub import access, wire
from salesforce_emulator.pubsub.refusals import Context, Refused, invalid
from salesforce_emulator.pubsub.topics import Topic, message_of, position, replay_id, topic_named
from salesforce_emulator.runtime import Emulator
from salesforce_emulator.schema import Schema

MOST = 100
"""Events that one request can ask for."""
_LOOK_EVERY = 0.5
"""Seconds after which a waiting subscription sees to its session again."""
_RESPONSE = wire.message("FetchResponse")


class Subscription:
    """A call of Subscribe."""

    def __init__(self, org: Emulator, context: Context, token: str, rpc_id: str, keepalive: float) -> None:
        self._org, self._context, self._token, self._rpc_id = org, context, token, rpc_id
        self._keepalive = keepalive
        self._log = org.store.changes
        self._lock = threading.Lock()
        self._asked = 0
        self._ended = False
        """Whether the client has said that it asks for no more."""
        self._refused: Refused | None = None

    def responses(self, requests: Iterator[wire.FetchRequest]) -> Iterator[wire.Message]:
        """What is sent until the client has gone or the subscription is refused.

        :raises Refused: a request isn't valid, or the session isn't any more.
        """
        first = next(requests, None)
        if first is None:
            return
        topic = topic_named(self._org.store, first.topic_name, self._seen())
        place = position(self._org.store, first.replay_preset, first.replay_id)
        self._ask(first, topic)
        threading.Thread(target=self._listen, args=(requests, topic), daemon=True).start()
        yield from self._send(topic, place)

    def _send(self, topic: Topic, place: int) -> Iterator[wire.Message]:
        spoken = time.monotonic()
        while self._context.is_active():
            commits = self._log.commits
            seen = self._seen()
            ended = self._ended  # before the refusal, which is set before it: else a refusal could look like an end
            if self._refused is not None:
                raise self._refused
            events = self._log.after(place, self._asked, topic.sobject) if self._asked else []
            if events:
                place = events[-1].number
                messages = (message_of(self._org.store, e, seen) for e in events)
                yield self._response([m for m in messages if m is not None], place)
            elif ended:
                return
            elif time.monotonic() - spoken >= self._keepalive:
                place = self._passed(topic, place)
                yield self._response([], place)
            else:
                self._log.wait(commits, min(_LOOK_EVERY, self._keepalive))
                continue
            spoken = time.monotonic()

    def _seen(self) -> Schema:
        """The objects and fields that the subscriber may see now.

        :raises Refused: his session isn't valid any more.
        """
        return self._org.store.visible(access.check(self._org, self._token))

    def _passed(self, topic: Topic, place: int) -> int:
        """The newest position, unless there is something before it that the client hasn't asked for yet."""
        fresh = self._log.fresh()
        return place if self._log.after(place, 1, topic.sobject) else fresh

    def _response(self, events: list[wire.Message], place: int) -> wire.Message:
        with self._lock:
            self._asked -= len(events)
            asked = self._asked
        return _RESPONSE(
            events=events, latest_replay_id=replay_id(place), rpc_id=self._rpc_id, pending_num_requested=asked
        )

    def _listen(self, requests: Iterator[wire.FetchRequest], topic: Topic) -> None:
        try:
            for request in requests:
                self._ask(request, topic)
                self._log.wake()
        except Refused as refused:
            self._refused = refused
        except grpc.RpcError:
            return  # the call has ended
        finally:
            self._ended = True
            self._log.wake()

    def _ask(self, request: wire.FetchRequest, topic: Topic) -> None:
        if request.topic_name not in ("", topic.name):
            message = f"The topic {request.topic_name} differs from that of the first request, {topic.name}."
            raise invalid("subscription.fetch.topic.mismatch", message)
        if request.num_requested <= 0:
            message = "The number of requested events must be greater than zero."
            raise invalid("subscription.fetch.requested.events.invalid", message)
        with self._lock:
            self._asked += min(request.num_requested, MOST)
