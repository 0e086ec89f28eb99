"""The REST API under /api/v1: what programs ask and say, in JSON. It holds no rules; those are in the rooms below."""
