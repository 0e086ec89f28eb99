"""The Pub/Sub API: change events over gRPC, for those who subscribe."""

from __future__ import annotations

from salesforce_emulator.pubsub.server import PubSubServer

__all__ = ["PubSubServer"]
